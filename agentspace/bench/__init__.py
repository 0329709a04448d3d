"""How fast a space is on this machine, beside the least that a broker in Python can be, and beside its peers.

All compared programs stay up; bursts of messages take turns, A B C, C B A, so that a machine that drifts drifts
for all of them. What counts are the ratios within a round.
"""
