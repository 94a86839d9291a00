"""Why a client is not read from at the moment. It goes on once none of these reasons is left."""

#: Too many of its messages have no answer yet.
UNANSWERED = 1
#: Too much came before the answer to its CONNECT.
NOT_OPEN = 2
#: It does not read what it is sent.
UNREAD = 4
#: Too much waits to be stored, from everybody.
NO_ROOM = 8
#: Too many of its requests are being dealt with.
BUSY = 16
#: It may be a stranger by now: its credentials are being looked at again.
IN_DOUBT = 32
