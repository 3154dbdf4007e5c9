package kit

// Width is the width of a text in a face.
func Width(text string, f Face) float32 { return SharedMetrics().width(text, f) }
