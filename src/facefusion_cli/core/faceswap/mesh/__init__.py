"""The embedded face swapping engine: a classical warp on the 478-point mesh, no weights beyond the mesh network's."""
