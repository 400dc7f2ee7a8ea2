"""The commands of ``bartizan``: each module is imported only when its command is called."""
