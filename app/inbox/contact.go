package inbox

// A Contact is a customer as an agent may see him: an alias and masked fields.
type Contact struct {
	ID       ContactID `cbor:"1,keyasint"`
	Alias    string    `cbor:"2,keyasint"`           // a stable pseudonym such as "K7-MX4Q", for people without a name
	Name     Masked    `cbor:"3,keyasint,omitzero"`  // by policy: first name and initial
	Phone    Masked    `cbor:"4,keyasint,omitzero"`  // zero: no number is known
	Email    Masked    `cbor:"5,keyasint,omitzero"`  // zero: no address is known
	Username Masked    `cbor:"6,keyasint,omitzero"`  // zero: no WhatsApp username is known
	Country  string    `cbor:"7,keyasint,omitempty"` // ISO 3166-1 alpha-2, from the number; "" when unknown
	Since    Moment    `cbor:"8,keyasint,omitempty"` // the first time the company heard of the contact
}

// Display returns the name to show: the name by policy, else the alias.
func (c Contact) Display() string {
	if !c.Name.IsZero() {
		return c.Name.Visible()
	}
	return c.Alias
}
