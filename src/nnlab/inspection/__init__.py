"""Every number of a network, for some rows: values, gradients, losses, weights, and what single steps change."""
