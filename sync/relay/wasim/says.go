package wasim

func (s *Sim) referral(a *Ad) object {
	or := func(v, otherwise string) string {
		if v != "" {
			return v
		}
		return otherwise
	}
	kind := "ad"
	if a.Post {
		kind = "post"
	}
	o := object{
		"source_url": or(a.URL, "https://fb.example/3cr4Wqqkv"), "source_id": "1202" + word(s.ids, digits, 14), "source_type": kind,
		"headline": or(a.Headline, "Chat with us"), "body": or(a.Body, "Our new season is here"), "media_type": "image",
		"image_url": "https://images.example/" + word(s.ids, digits, 8) + ".jpg",
		"ctwa_clid": "Aff" + word(s.ids, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", 60),
	}
	s.record("ctwa-clid", o["ctwa_clid"].(string))
	if a.Welcome != "" {
		o["welcome_message"] = object{"text": a.Welcome}
	}
	return o
}

func (s *Sim) sendFile(p *person, n *line, f File, caption string, extra object) string {
	stored := s.addFile(n, f.MIME, f.Data, inboundLife)
	body := object{"id": stored.id, "mime_type": f.MIME, "sha256": stored.base64()}
	if caption != "" {
		body["caption"] = s.written(caption)
	}
	if f.Name != "" {
		body["filename"] = s.written(f.Name)
	}
	if s.base != "" {
		body["url"] = s.mediaURL(stored, s.base)
	}
	switch f.Kind {
	case "audio":
		body["voice"] = f.Voice
	case "sticker":
		body["animated"] = f.Animated
	}
	return s.inbound(p, n, f.Kind, body, extra)
}

func reaction(target, emoji string) object {
	body := object{"message_id": target}
	if emoji != "" { // Meta leaves the member out when a reaction is taken back
		body["emoji"] = emoji
	}
	return body
}

// Say makes a persona write to the first company number and returns the wamid. An identifier in the text may stand in
// {{ }} to be recorded as one. The webhook leaves when the engine runs.
func (s *Sim) Say(persona, text string) (string, error) { return s.SayTo(persona, "", text) }

// SayTo is [Sim.Say] to the company number with this id.
func (s *Sim) SayTo(persona, number, text string) (string, error) {
	return s.DoTo(persona, number, Line{Text: text})
}

// Quote makes a persona answer a message by quoting it.
func (s *Sim) Quote(persona, target, text string) (string, error) {
	return s.Do(persona, Line{To: target, Quote: true, Text: text})
}

// SendImage makes a persona send the picture of a scene ([Picture]) with a caption, which may be "".
func (s *Sim) SendImage(persona, scene, caption string) (string, error) {
	return s.Do(persona, Line{Scene: scene, Text: caption})
}

// SendFile makes a persona send any file: kind is image, video, audio (a voice message), document or sticker.
func (s *Sim) SendFile(persona, kind, mimeType, filename, caption string, data []byte) (string, error) {
	return s.Do(persona, Line{Text: caption, File: &File{Kind: kind, MIME: mimeType, Name: filename, Data: data, Voice: kind == "audio"}})
}

// React makes a persona put an emoji on a message of either side; "" takes it back.
func (s *Sim) React(persona, target, emoji string) (string, error) {
	return s.Do(persona, Line{To: target, React: emoji, NoReaction: emoji == ""})
}

// SendRaw makes a persona send a message of any type with any body, known to Meta or not: for what the other functions do
// not cover. body may be nil.
func (s *Sim) SendRaw(persona, kind string, body any) (string, error) {
	return s.Do(persona, Line{Type: kind, Body: body})
}

// StopMarketing makes a persona refuse (stop) or allow marketing messages again.
func (s *Sim) StopMarketing(persona string, stop bool) error {
	choice := "resume"
	if stop {
		choice = "stop"
	}
	_, err := s.Do(persona, Line{Marketing: choice})
	return err
}

func (s *Sim) stopMarketing(p *person, n *line, stop bool) {
	n.thread(p).stopped = stop
	value, detail := "stop", "User requested to stop marketing messages"
	if !stop {
		value, detail = "resume", "User requested to resume marketing messages"
	}
	item := object{"category": "marketing_messages", "value": value, "detail": detail, "timestamp": s.clock.Now().Unix()}
	if !p.NoUserID {
		item["user_id"] = p.UserID
	}
	if s.shows(p, n) {
		item["wa_id"] = p.Number
	}
	s.emit(piece{
		number: n, field: "user_preferences", list: "user_preferences", item: item, contact: s.profile(p, n, true),
	})
}
