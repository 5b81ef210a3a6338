"""How the judge is made and measured. An optional extra: nothing at run time needs it."""
