"""How a resource went over time: a few hundred points of each series, coarser as they age."""
