"""Networks: one small protocol and its makers."""
