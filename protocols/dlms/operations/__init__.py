"""What operators want of a meter beyond reading: dialogues over the classes that manage it."""
