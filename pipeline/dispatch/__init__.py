"""The dispatcher's rules as a pure state machine: it owns every lease and every drop, and has no pixels.

Messages and the time go in by method call (``dispatcher``), what is to be done comes out as a list (``effects``).
Nothing here reads a clock, a socket or a file, so every death, freeze, loss and delay can be tried in a test. The
process around it is ``pipeline.runners.dispatch``.

The rules: a live camera keeps only its newest offer; a recording keeps all of them, in order, and loses none. A
result is accepted once, for a lease that is open. Results enter a camera's log in order; the append is the commit.
A slot is released when its frame is committed, the reader has passed it and neither a snapshot nor a crop of it is
wanted.
"""
