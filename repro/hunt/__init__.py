"""Random programs over ``datasets``, the model that knows their answers, findings and their corpus."""
