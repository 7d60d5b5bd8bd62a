"""The processes of the local stack: which there are, how each is started, watched and restarted."""
