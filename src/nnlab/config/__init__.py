"""The config: YAML text -> nodes with positions -> overrides -> the typed experiment."""
