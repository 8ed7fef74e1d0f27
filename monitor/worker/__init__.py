"""A worker process: units that judge partitions, their registry, their pages, and the parent that keeps it up."""
