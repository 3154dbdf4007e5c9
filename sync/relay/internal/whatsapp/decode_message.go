package whatsapp

func (w *walker) message() Message {
	var m Message
	var number, user, parent, to, toUser, toParent string
	var unsupported string
	var kind string // the member the body was read from
	w.peek()
	from := w.i
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch k := w.key(); k {
		case "id":
			m.ID = MessageID{w.hidden()}
		case "from":
			number = w.str()
		case "from_user_id":
			user = w.str()
		case "from_parent_user_id":
			parent = w.str()
		case "to":
			to = w.str()
		case "to_user_id":
			toUser = w.str()
		case "to_parent_user_id":
			toParent = w.str()
		case "group_id":
			m.Group = GroupID{w.hidden()}
		case "timestamp":
			m.At = seconds(w.str())
		case "type":
			m.Type = w.str()
		case "context":
			m.Context = w.context()
		case "referral":
			m.Referral = w.referral()
		case "errors":
			m.Errors = list(w, m.Errors, (*walker).fault)
		case "unsupported":
			unsupported = w.member("type")
		default:
			if body := w.body(k); body != nil && (kind == "" || kind != m.Type) {
				m.Body, kind = body, k
			}
		}
	}
	m.From, m.To = person(number, user, parent), person(to, toUser, toParent)
	switch {
	case m.Type == "unsupported" || m.Type == "unknown":
		m.Body = Unsupported{Kind: unsupported, Errors: m.Errors}
	case m.Type == "request_welcome":
		m.Body = Welcome{}
	case m.Body == nil || kind != m.Type:
		m.Body = Unknown{}
	}
	if !w.bad {
		m.Raw = Raw(w.b[from:w.i])
	}
	return m
}

// body reads the member k of a message as a body, or skips it and returns nil when it is none or has another shape.
func (w *walker) body(k string) Body {
	switch k {
	case "contacts":
		if w.peek() == '[' {
			return Cards{Cards: list(w, nil, (*walker).card)}
		}
		w.skip()
		return nil
	case "text", "image", "video", "audio", "voice", "document", "sticker", "location", "interactive", "button",
		"reaction", "order", "system", "revoke", "edit":
		if w.peek() != '{' {
			w.skip()
			return nil
		}
	}
	switch k {
	case "text":
		return w.text()
	case "image", "video", "audio", "document", "sticker":
		return w.media(MediaKind(k))
	case "voice": // older versions of the API had a type of its own for recordings
		m := w.media(Audio)
		m.Voice = true
		return m
	case "location":
		return w.location()
	case "interactive":
		return w.interactive()
	case "button":
		return w.button()
	case "reaction":
		return w.reaction()
	case "order":
		return w.order()
	case "system":
		return w.system()
	case "revoke":
		return Revoke{Target: w.original(nil)}
	case "edit":
		var e Edit
		e.Target = w.original(&e.New)
		return e
	}
	w.skip()
	return nil
}

func (w *walker) text() Text {
	var t Text
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		if w.key() == "body" {
			t.Body = w.str()
		} else {
			w.skip()
		}
	}
	return t
}

func (w *walker) media(kind MediaKind) Media {
	m := Media{Kind: kind}
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "id":
			m.ID = MediaID{w.hidden()}
		case "mime_type":
			m.MIME = w.str()
		case "sha256":
			m.SHA256 = w.digest()
		case "caption":
			m.Caption = w.str()
		case "filename":
			m.Filename = w.str()
		case "voice":
			m.Voice = w.boolean()
		case "animated":
			m.Animated = w.boolean()
		case "url":
			m.URL = MediaURL{w.hidden()}
		default:
			w.skip()
		}
	}
	return m
}

func (w *walker) location() Location {
	var l Location
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "latitude":
			l.Latitude = w.float()
		case "longitude":
			l.Longitude = w.float()
		case "name":
			l.Name = w.str()
		case "address":
			l.Address = w.str()
		case "url":
			l.URL = w.str()
		default:
			w.skip()
		}
	}
	return l
}

func (w *walker) card() Card {
	var c Card
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "name":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "formatted_name":
					c.FormattedName = w.str()
				case "first_name":
					c.FirstName = w.str()
				case "last_name":
					c.LastName = w.str()
				default:
					w.skip()
				}
			}
		case "org":
			w.organisation(&c)
		case "phones":
			c.Phones = list(w, c.Phones, (*walker).cardPhone)
		case "emails":
			c.Emails = list(w, c.Emails, func(w *walker) string { return w.member("email") })
		case "urls":
			c.URLs = list(w, c.URLs, func(w *walker) string { return w.member("url") })
		case "addresses":
			c.Addresses = list(w, c.Addresses, (*walker).address)
		case "birthday":
			c.Birthday = w.str()
		case "vcard":
			c.VCard = w.str()
		case "origin":
			c.Origin = w.str()
		default:
			w.skip()
		}
	}
	return c
}

func (w *walker) organisation(c *Card) {
	if !w.enter('{') {
		return
	}
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "company":
			c.Company = w.str()
		case "department":
			c.Department = w.str()
		case "title":
			c.Role = w.str()
		default:
			w.skip()
		}
	}
}

// member reads one text member of an object.
func (w *walker) member(name string) (s string) {
	if !w.enter('{') {
		return ""
	}
	for n := 0; w.more('}', n); n++ {
		if w.key() == name {
			s = w.str()
		} else {
			w.skip()
		}
	}
	return s
}

func (w *walker) cardPhone() CardPhone {
	var p CardPhone
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "phone":
			p.Phone = Phone{w.hidden()}
		case "wa_id":
			p.WaID = WaID{w.hidden()}
		case "type":
			p.Type = w.str()
		default:
			w.skip()
		}
	}
	return p
}

// address joins the parts of a postal address in the order Meta wrote them.
func (w *walker) address() (s string) {
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "street", "zip", "city", "state", "country":
			if part := w.str(); part != "" {
				if s != "" {
					s += ", "
				}
				s += part
			}
		default:
			w.skip()
		}
	}
	return s
}

func (w *walker) interactive() Body {
	var body Body
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch k := w.key(); k {
		case "button_reply", "list_reply":
			if w.peek() != '{' {
				w.skip()
				continue
			}
			r := Reply{Kind: ReplyKind(k)}
			w.enter('{')
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "id":
					r.ID = w.str()
				case "title":
					r.Title = w.str()
				case "description":
					r.Description = w.str()
				default:
					w.skip()
				}
			}
			body = r
		case "nfm_reply":
			if w.peek() != '{' {
				w.skip()
				continue
			}
			var f FlowReply
			w.enter('{')
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "name":
					f.Name = w.str()
				case "body":
					f.Body = w.str()
				case "response_json":
					if w.peek() == '"' {
						f.Response = w.str()
					} else {
						f.Response = string(w.skip())
					}
				default:
					w.skip()
				}
			}
			body = f
		case "call_permission_reply":
			if w.peek() != '{' {
				w.skip()
				continue
			}
			var p CallPermission
			w.enter('{')
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "response":
					p.Granted = w.str() == "accept"
				case "is_permanent":
					p.Permanent = w.boolean()
				case "expiration_timestamp":
					p.Until = seconds(w.str())
				default:
					w.skip()
				}
			}
			body = p
		default:
			w.skip()
		}
	}
	return body
}

func (w *walker) button() Button {
	var b Button
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "payload":
			b.Payload = w.str()
		case "text":
			b.Text = w.str()
		default:
			w.skip()
		}
	}
	return b
}

func (w *walker) reaction() Reaction {
	var r Reaction
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "message_id":
			r.Target = MessageID{w.hidden()}
		case "emoji":
			r.Emoji = w.str()
		default:
			w.skip()
		}
	}
	return r
}

func (w *walker) order() Order {
	var o Order
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "catalog_id":
			o.CatalogID = w.str()
		case "text":
			o.Text = w.str()
		case "product_items":
			o.Items = list(w, o.Items, (*walker).orderItem)
		default:
			w.skip()
		}
	}
	return o
}

func (w *walker) orderItem() OrderItem {
	var i OrderItem
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "product_retailer_id":
			i.SKU = w.str()
		case "quantity":
			i.Quantity = w.integer()
		case "item_price":
			i.Price = w.float()
		case "currency":
			i.Currency = w.str()
		default:
			w.skip()
		}
	}
	return i
}

func (w *walker) system() System {
	var s System
	var number, user, parent, before string
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "type":
			s.Kind = w.str()
		case "body":
			s.Text = w.str()
		case "wa_id", "new_wa_id": // the second is how versions before 12.0 spell it
			number = w.str()
		case "user_id":
			user = w.str()
		case "parent_user_id":
			parent = w.str()
		case "previous_user_id":
			before = w.str()
		case "identity":
			s.Now.KeyHash = w.str()
		default:
			w.skip()
		}
	}
	hash := s.Now.KeyHash
	s.Now, s.Before = person(number, user, parent), person("", before, "")
	s.Now.KeyHash = hash
	return s
}

// original reads which message is meant, and into body, unless it is nil, what it says now: a whole message, or the body
// alone beside the id.
func (w *walker) original(body *Body) MessageID {
	var id MessageID
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch k := w.key(); {
		case k == "original_message_id":
			id = MessageID{w.hidden()}
		case k == "message" && body != nil && w.peek() == '{':
			*body = saying(w.message().Body)
		default:
			if b := w.body(k); body != nil && saying(b) != nil {
				*body = b
			}
		}
	}
	return id
}

// saying returns b if an edit can lead to it, else nil.
func saying(b Body) Body {
	switch b.(type) {
	case Text, Media, Location, Cards, Order:
		return b
	}
	return nil
}

func (w *walker) context() *Context {
	if !w.enter('{') {
		return nil
	}
	c := new(Context)
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "from":
			if who := person(w.str(), "", ""); who.UserID.IsZero() {
				c.From = who.Phone
			} else {
				c.UserID = who.UserID
			}
		case "from_user_id":
			if id := w.hidden(); !id.IsZero() {
				c.UserID = UserID{id}
			}
		case "id":
			c.ID = MessageID{w.hidden()}
		case "forwarded":
			c.Forwarded = w.boolean()
		case "frequently_forwarded":
			c.FrequentlyForwarded = w.boolean()
		case "referred_product":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "catalog_id":
					c.CatalogID = w.str()
				case "product_retailer_id":
					c.ProductSKU = w.str()
				default:
					w.skip()
				}
			}
		default:
			w.skip()
		}
	}
	return c
}

func (w *walker) referral() *Referral {
	if !w.enter('{') {
		return nil
	}
	r := new(Referral)
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "source_url":
			r.SourceURL = w.str()
		case "source_id":
			r.SourceID = w.str()
		case "source_type":
			r.SourceType = w.str()
		case "headline":
			r.Headline = w.str()
		case "body":
			r.Body = w.str()
		case "media_type":
			r.MediaType = w.str()
		case "image_url":
			r.ImageURL = w.str()
		case "video_url":
			r.VideoURL = w.str()
		case "thumbnail_url":
			r.ThumbnailURL = w.str()
		case "ctwa_clid":
			r.ClickID = w.str()
		case "welcome_message":
			r.Welcome = w.member("text")
		default:
			w.skip()
		}
	}
	return r
}
