"""Every bound in one place, with its unit in the name. Foreign input past a bound is refused before it costs."""

ENVELOPE_MAX_BYTES = 32 * 1024
TEXT_MAX_BYTES = 1024 * 1024
EVIDENCE_MAX_BYTES = 256 * 1024 * 1024
EVIDENCE_ITEMS_MAX = 2_000_000

CBOR_DEPTH_MAX = 24
CBOR_ITEMS_MAX = 20_000
INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
TIME_MIN = -62_135_596_800  # 0001-01-01T00:00:00Z, in seconds since 1970
TIME_MAX = 253_402_300_799  # 9999-12-31T23:59:59Z
MAP_KEY_MAX_BYTES = 64
SHORT_TEXT_MAX_BYTES = 256
LONG_TEXT_MAX_BYTES = 8 * 1024

ENVELOPE_SIGNATURES_MAX = 128

# Ledger: the notes and proofs of other people's formats (C2SP).
NOTE_MAX_BYTES = 256 * 1024
NOTE_SIGNATURES_MAX = 64
TREE_SIZE_MAX = 2**63 - 1
PROOF_HASHES_MAX = 63
MULTIPROOF_HASHES_MAX = 65_536
LEDGER_ENTRY_MAX_BYTES = 65_535
TLOG_PROOF_MAX_BYTES = 512 * 1024
TLOG_POLICY_MAX_BYTES = 256 * 1024
TLOG_POLICY_KEYS_MAX = 256
COSE_MAX_BYTES = 64 * 1024
COSE_DEPTH_MAX = 8
RECEIPTS_MAX = 16
WITNESS_BODY_MAX_BYTES = 64 * 1024  # a request to cosign, and the answer

# Dispatch: couriers' files and sheets (spec/courier.md).
COURIER_FILE_MAX_BYTES = 64 * 1024 * 1024
COURIER_ITEMS_MAX = 200_000
COURIER_BUNDLES_MAX = 16
COURIER_SEALS_MAX = 16
COURIER_FRAMES_MAX = 16_384
CODE_FRAME_MAX_BYTES = 1_272  # in a QR code of version 25, level L
IMAGE_MAX_BYTES = 64 * 1024 * 1024
IMAGE_MAX_PIXELS = 64_000_000

# Acts.
PASSKEY_SIGNATURE_MAX_BYTES = 2_048
CLIENT_DATA_DEPTH_MAX = 8  # brackets of JSON within one another
SEATS_MAX = 64
ORGANS_MAX = 32
IDENTIFIERS_MAX = 256
CHAIN_LINKS_MAX = 16
LINES_MAX = 64
LINE_DEPTH_MAX = 8
LINE_STEPS_MAX = 4_096
DECIMAL_DIGITS_MAX = 38
STREAMS_MAX = 400
COURSES_MAX = 16
ARTICLES_MAX = 1_024
CHECKS_MAX = 64
DURATION_MAX_SECONDS = 100 * 366 * 86_400
PARSE_CALLS_MAX = 400_000  # Python function calls that one hostile input may cost any parser

# Dispatch: frames and objects (spec/frame.md).
FRAME_MAX_BYTES = 4_096
OBJECT_MAX_BYTES = 256 * 1024
OBJECT_SYMBOLS_MAX = 2_048  # that carry an object whole: k
SYMBOL_NUMBERS_LEAST = 4_096  # numbers that even the smallest object may use; larger ones have 64 for each of k
SYMBOL_NUMBERS_EACH = 64
RECEIVER_MAX_BYTES = 64 * 1024 * 1024  # whatever comes in, decoding included
RECEIVER_SYMBOLS_MAX_BYTES = 24 * 1024 * 1024  # of that: verified symbols of objects that are not whole yet
RECEIVER_KEY_MAX_BYTES = 6 * 1024 * 1024  # of that: those that one dispatch key has signed
RECEIVER_KEY_OBJECTS_MAX = 64  # unfinished objects of one dispatch key
RECEIVER_QUEUE_MAX_BYTES = 4 * 1024 * 1024  # frames that wait to be verified, with what Python needs beside them
RECEIVER_DONE_MAX = 4_096  # objects known to be whole
CAROUSEL_ITEMS_MAX = 4_096
CAROUSEL_MAX_BYTES = 32 * 1024 * 1024

# Dispatch. Exchange between two nodes (spec/exchange.md).
EXCHANGE_MESSAGE_MAX_BYTES = 256 * 1024
EXCHANGE_BATCH_MAX_BYTES = 1024 * 1024  # the messages that one POST, or its answer, holds
EXCHANGE_BATCH_MESSAGES_MAX = 64
EXCHANGE_ITEMS_MAX = 65_536  # of CBOR, in one message
EXCHANGE_ACTS_MAX = 512  # in one message
EXCHANGE_IDS_MAX = 4_096  # likewise
EXCHANGE_SESSIONS_MAX = 64  # that a node holds at once, with all its peers
EXCHANGE_SESSIONS_OF_PEER_MAX = 8
EXCHANGE_SESSION_SECONDS = 120
EXCHANGE_ROUNDS_MAX = 512  # answers of one peer that whoever asked waits for
EXCHANGE_JUNK_MAX = 64  # acts of one session that are none, before it is ended
EXCHANGE_LISTED_MAX = 4  # sets of loose acts that are compared at once; each takes some 40 MB at most
EXCHANGE_QUEUE_MAX = 8_192  # acts that wait to be sent in one session; the next session has the rest
EXCHANGE_SENT_MAX = 65_536  # acts that are sent in one session, likewise
EXCHANGE_PEERS_MAX = 1_024  # whose allowances are remembered
HEADS_ROWS_MAX = 4_096  # of organs, and as many of beacons
RECONCILED_MAX = 131_072  # loose acts that one session compares: of more, a part
RECONCILED_PARTS_MAX = 4_096
SYMBOLS_MAX = 65_536  # of one stream
SYMBOLS_AT_ONCE_MAX = 8_192  # in one message
SYMBOLS_WELCOME_MAX = 64
SHORT_IDS_AT_ONCE_MAX = 16_384  # in one message

# Dispatch: nodes (spec/node.md). An owner is whoever a thing counts against: an issuer whose signature is good, else
# the peer that brought it.
NODE_PARTIES_MAX = 1_024  # that a node follows
NODE_PARTIES_OF_STRANGERS_MAX = 768  # of these, in one that follows none: brought otherwise than by its user's own hand
NODE_PARTIES_OF_SOURCE_MAX = 256  # and by one peer, or on one channel whose peers nobody can tell apart
NODE_SPEAKER_ACTS_MAX = 4_096  # in the journal, of a holder, member, certifier
NODE_SPEAKER_BYTES_MAX = 4 * 1024 * 1024
NODE_ORGAN_ACTS_MAX = 65_536  # in the journal, of an organ by its full decision
NODE_ORGAN_BYTES_MAX = 64 * 1024 * 1024
NODE_OWNER_ROWS_MAX = 256  # in one pool (pending, parts), of one owner
NODE_OWNER_BYTES_MAX = 512 * 1024
NODE_POOL_ROWS_MAX = 8_192  # in one pool, of all
NODE_POOL_BYTES_MAX = 32 * 1024 * 1024
NODE_CARRIED_ROWS_MAX = 4_096  # of one mandate
NODE_CARRIED_BYTES_MAX = 4 * 1024 * 1024
NODE_CARRIED_ALL_ROWS_MAX = 65_536
NODE_CARRIED_ALL_BYTES_MAX = 256 * 1024 * 1024
NODE_WAITS_MAX = 8  # acts that one pending act is noted to wait for
NODE_PENDING_SECONDS = 30 * 86_400
NODE_BEACONS_KEPT = 256  # of one key
NODE_BEACON_SPACING_SECONDS = 60  # between two beacons of one key in the journal
NODE_BEACON_JUMP = 1_024  # that a serial may go up at once, and two more for each second between the two
NODE_BEACON_PERIOD_MAX_SECONDS = 7 * 86_400  # no beacon puts off the next for longer
NODE_SKEW_SECONDS = 600  # that other clocks may be ahead
NODE_AHEAD_SECONDS = 7 * 86_400  # that journal time may be ahead of the newest time that others signed
NODE_PROOFS_MAX = 1_024
NODE_SAID_ROWS_MAX = 4_096
NODE_NAME_MAX_BYTES = 128  # of a channel, or of a peer
NODE_HOME_BYTES_MAX = 256 * 1024 * 1024  # of one home ledger's copy
NODE_HOMES_BYTES_MAX = 1024 * 1024 * 1024  # of all of them
NODE_BUNDLE_BYTES_MAX = 8 * 1024 * 1024
NODE_BUNDLES_KEPT = 4  # of one party
NODE_BUNDLES_MAX = 256  # of all parties
