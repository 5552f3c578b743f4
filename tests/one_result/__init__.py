"""The same messages give the same result, whatever carries them: the fold, one process, workers, workers that are killed."""
