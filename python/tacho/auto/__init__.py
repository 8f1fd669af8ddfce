"""tacho.auto: times the model calls of a program whose code does not know about tacho.

`tacho run -- python3 app.py` and `python3 -m tacho app.py` install an import hook and nothing else:
no library is imported for the program's sake. When the program itself imports a library that stands
in the table (`hooks`), that library's small file replaces the few functions worth timing.

Rule one: the program must behave as if tacho were not there. Whatever fails in here is swallowed,
said once (a mark in the segment), and leaves the library as it was.
"""
