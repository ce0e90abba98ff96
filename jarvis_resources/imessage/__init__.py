"""chat.db: read safely, understood fully, handed on as tables.

In the order of the work: ``ios_backup`` finds the database in a folder, ``snapshot`` copies it without touching it, unless
``snapshot_record`` says that nothing changed (``diagnosis`` puts what went wrong into words), ``schema`` asks what it has;
``columns`` selects without a Python object a value, ``archive``, ``typedstream`` and ``bodies`` decode texts, ``rows``
reads the messages and ``rereading`` only those that changed; ``edits``, ``tapbacks`` (with ``tapback_wordings``) and
``kinds`` say what each is; ``handles``, ``owner``, ``chats``, ``people`` and ``conversations`` who and where; ``messages`` and
``activity`` make the tables. ``live`` reads the last messages while Messages runs, and ``sample`` writes a synthetic
database.
"""
