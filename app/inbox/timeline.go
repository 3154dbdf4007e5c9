package inbox

// ApplyTo folds an event about a message into the message: receipts, reactions, media, edits. It reports whether the message
// changed. Events about other messages change nothing.
func ApplyTo(m *Message, body EventBody) bool {
	switch b := body.(type) {
	case ReceiptChanged:
		if b.Message != m.ID || m.Receipt.Advance(b.Receipt) == m.Receipt {
			return false
		}
		m.Receipt, m.Failure = b.Receipt, NoFailure
		if b.Receipt == Failed {
			m.Failure = b.Failure
		}
		return true
	case Reacted:
		if b.Message != m.ID {
			return false
		}
		m.Reactions = React(m.Reactions, b.Reaction)
		return true
	case MediaChanged:
		if b.Message != m.ID || m.Kind == Deleted {
			return false
		}
		media := b.Media
		m.Media = &media
		return true
	case MessageReleased:
		if b.Message != m.ID || !m.Held {
			return false
		}
		m.Held, m.Found = false, nil
		return true
	case MessageMasked:
		if b.Message != m.ID || m.Kind == Deleted {
			return false
		}
		m.Body = b.Body
		return true
	case MessageChanged:
		if b.Message != m.ID || m.Kind == Deleted || !b.Deleted && b.At < m.Edited {
			return false
		}
		if !b.Deleted {
			m.Body, m.Edited = b.Body, b.At
			return true
		}
		m.Kind, m.Body, m.Header, m.Footer, m.Choices, m.Media, m.Referral = Deleted, Masked{}, Masked{}, Masked{}, nil, nil, nil
		return true
	}
	return false
}
