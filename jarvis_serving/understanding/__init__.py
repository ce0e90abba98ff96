"""What a message does and what it wants: the labels of mining and of serving alike.

Everything that reads the meaning of a single message belongs here: its words, its dialogue act or response type,
whether it needs an answer, an intent, or context. The code that labels the training data is the code that answers,
so there is no skew between the two. What to reply, to whom and how sure we are is decided outside.
"""
