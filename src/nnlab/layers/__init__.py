"""nnlab's own Keras objects; importing this package lets Keras load models that hold them.

Written by `scripts/generate_catalog.py`, like the catalog: run it after adding an object.
"""

from nnlab.layers.activation_layers import NoisyReLU as NoisyReLU
from nnlab.layers.activation_layers import RandomizedLeakyReLU as RandomizedLeakyReLU
from nnlab.layers.activation_layers import Swish as Swish
from nnlab.layers.activations import ActivationFunction as ActivationFunction
from nnlab.layers.activations import approximate_gelu as approximate_gelu
from nnlab.layers.activations import heaviside as heaviside
from nnlab.layers.activations import sign as sign
from nnlab.layers.dropout import MCAlphaDropout as MCAlphaDropout
from nnlab.layers.dropout import MCDropout as MCDropout
from nnlab.layers.graph_schedules import GraphSchedule as GraphSchedule
from nnlab.layers.graph_schedules import PerformanceSchedule as PerformanceSchedule
from nnlab.layers.initializers import InverseSqrtUniform as InverseSqrtUniform
from nnlab.layers.losses import AsymmetricError as AsymmetricError
from nnlab.layers.losses import SmoothL1 as SmoothL1
from nnlab.layers.maxout import Maxout as Maxout
from nnlab.layers.metrics import ConcordanceOverRows as ConcordanceOverRows
from nnlab.layers.metrics import CosineOverRows as CosineOverRows
from nnlab.layers.metrics import LabelWeightedAUC as LabelWeightedAUC
from nnlab.layers.metrics import OfPredictions as OfPredictions
from nnlab.layers.metrics import PearsonOverRows as PearsonOverRows
from nnlab.layers.metrics import R2OverRows as R2OverRows
from nnlab.layers.models import WideAndDeep as WideAndDeep
