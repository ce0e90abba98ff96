"""chat.db: read safely, understood fully, handed on as tables.

In the order of the work: ``snapshot`` copies the database without touching it (``diagnosis`` puts what went wrong into
words), ``schema`` asks what it has, ``archive``, ``typedstream`` and ``bodies`` decode texts, ``rows`` streams the
messages, ``edits``, ``tapbacks`` and ``kinds`` say what each is, ``chats``, ``people`` and ``conversations`` who and
where, ``messages`` and ``activity`` make the tables. ``live`` reads the last messages while Messages runs, and
``sample`` writes a synthetic database.
"""
