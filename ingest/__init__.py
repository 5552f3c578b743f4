"""The outside's words: OCPP 1.6, 2.0.1 and 2.1 in, canonical events out; answers and cost messages back to stations."""
