"""Making a model smaller and faster: INT8, structured pruning, distillation; each is let through only by a gate."""
