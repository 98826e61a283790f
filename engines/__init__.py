"""How shards get run, and the one place where build = plan + render + write is put together."""
