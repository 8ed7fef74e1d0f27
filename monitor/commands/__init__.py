"""The command line, one file a command. Nothing here judges: commands read options and call the parts that do."""
