"""Docker for the test stage `containers`: an engine, and images where no registry can be reached."""
