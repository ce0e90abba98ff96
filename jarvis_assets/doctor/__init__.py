"""`jarvis doctor`: what is there to mine, what it will cost here, and whether to go ahead, before anything is mined.

``examination`` puts together what the other modules count, measure and judge; ``day_one`` writes it down as a report.
Texts are not read here, and nothing is mined.
"""
