# scenarios: the real programs together
