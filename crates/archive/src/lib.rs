//! WORM: write-once stores, read back after every put.
