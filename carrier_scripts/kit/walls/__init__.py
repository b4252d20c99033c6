"""The walls around a script process: limits, namespaces, Landlock, seccomp; standard library only."""
