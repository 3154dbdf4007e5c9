package whatsapp

import "time"

// Notice is news about the company's own account, numbers or templates. It is one of [TemplateStatusChange],
// [TemplateQualityChange], [TemplateCategoryChange], [TemplateContentChange], [NumberQuality], [NumberName],
// [AccountUpdate], [AccountAlert], [AccountReview], [Capability], [SecurityEvent] or [Declined]. Words of Meta's that are
// kept as strings may be new ones: act on those you know, show the others.
type Notice interface{ isNotice() }

// TemplateID is Meta's id of one language of a template: digits, a number in webhooks and a string elsewhere.
type TemplateID string

// TemplateRef says which template a notice is about.
type TemplateRef struct {
	ID             TemplateID
	Name, Language string
}

// TemplateStatusChange says that a template may, or may no longer, be sent.
type TemplateStatusChange struct {
	unprintable
	Template TemplateRef
	Event    TemplateStatus
	// Reason is why, such as "INVALID_FORMAT"; "" when Meta gave none, which it also writes as "NONE".
	Reason string
	// Title and Description explain a pause or a rejection.
	Title, Description string
	// Disabled is when a disabled template was, or will be; zero when Meta gave no readable time.
	Disabled time.Time
}

// TemplateQualityChange says what customers think of a template.
type TemplateQualityChange struct {
	unprintable
	Template      TemplateRef
	Previous, New Quality
}

// TemplateCategoryChange says that Meta files, or will file, a template under another category, which has another price.
type TemplateCategoryChange struct {
	unprintable
	Template      TemplateRef
	Previous, New Category
	// Correct is the category Meta holds to be right and will change to, "" when the change is made.
	Correct Category
}

// TemplateContentChange says that a template was edited. Read the template anew: the notice leaves parts out.
type TemplateContentChange struct {
	unprintable
	Template             TemplateRef
	Header, Body, Footer string
	Buttons              []TemplateButton
}

// NumberQuality says that a company number may write to more or fewer people a day, or was flagged.
type NumberQuality struct {
	unprintable
	DisplayPhoneNumber string
	// Event is ONBOARDING, UPGRADE, DOWNGRADE, FLAGGED, UNFLAGGED or THROUGHPUT_UPGRADE.
	Event string
	// OldLimit and Limit are TIER_250, TIER_2K, TIER_10K, TIER_100K or TIER_UNLIMITED.
	OldLimit, Limit string
}

// NumberName says how Meta decided on a company number's display name.
type NumberName struct {
	unprintable
	DisplayPhoneNumber string
	// Decision is APPROVED, DEFERRED, PENDING or REJECTED.
	Decision  string
	Requested string
	Reason    string
}

// AccountUpdate is an incident: a ban, a restriction, a violation, or a change of who may use the account.
type AccountUpdate struct {
	unprintable
	// Event is DISABLED_UPDATE, ACCOUNT_RESTRICTION, ACCOUNT_VIOLATION, ACCOUNT_DELETED, PARTNER_REMOVED ...
	Event string
	// PhoneNumber is the company's own number when the news is about one.
	PhoneNumber string
	// BanState is SCHEDULE_FOR_DISABLE, DISABLE or REINSTATE, BanDate as Meta wrote it; "" for other events.
	BanState, BanDate string
	Violation         string
	Restrictions      []Restriction
}

// Restriction is something an account may not do for a while.
type Restriction struct {
	// Type is RESTRICTED_BIZ_INITIATED_MESSAGING, RESTRICTED_CUSTOMER_INITIATED_MESSAGING ...
	Type string
	// Until is zero when Meta set no end.
	Until time.Time
}

// AccountAlert asks the company to look at something in Meta's console.
type AccountAlert struct {
	unprintable
	// Entity is PHONE_NUMBER, WABA or BUSINESS, and EntityID its id.
	Entity, EntityID string
	// Severity is CRITICAL, WARNING or INFORMATIONAL; Status is ACTIVE or NONE.
	Severity, Status  string
	Type, Description string
}

// AccountReview says how Meta decided on the account.
type AccountReview struct {
	unprintable
	// Decision is APPROVED, REJECTED, PENDING or DEFERRED.
	Decision string
}

// Capability says how much the company may do.
type Capability struct {
	unprintable
	// DailyConversations is a tier ("TIER_2K") or a number, of people a day outside windows, for all numbers together.
	DailyConversations string
	// PhoneNumbers is how many numbers the company may have, 0 when not said.
	PhoneNumbers int
}

// SecurityEvent says that somebody touched the two-step PIN of a company number.
type SecurityEvent struct {
	unprintable
	DisplayPhoneNumber string
	// Event is PIN_CHANGED, PIN_RESET_REQUEST or PIN_RESET_SUCCESS.
	Event string
	// Requester is the Meta account of the company's administrator who did.
	Requester string
}

// Declined is a change this relay takes no part in; [Change.Raw] has it.
type Declined struct {
	// Field is Meta's word for the kind of change.
	Field string
	Why   Reason
}

// Reason is why a kind of change is declined, in words for a log or an administrator.
type Reason string

// The reasons.
const (
	// ReasonMassData is for history and smb_app_state_sync: months of messages and whole address books of people who did
	// not write to the company now. Do not store what came; unsubscribe.
	ReasonMassData Reason = "mass transfer of personal data is refused"
	// ReasonElsewhere is for standby: another agent at Meta holds the conversation.
	ReasonElsewhere Reason = "conversation is handled by another agent"
	// ReasonNotOffered is for calls, flows and the management of groups.
	ReasonNotOffered Reason = "feature is not offered"
	// ReasonUnknown is for fields younger than this package.
	ReasonUnknown Reason = "field is unknown"
)

func (TemplateStatusChange) isNotice()   {}
func (TemplateQualityChange) isNotice()  {}
func (TemplateCategoryChange) isNotice() {}
func (TemplateContentChange) isNotice()  {}
func (NumberQuality) isNotice()          {}
func (NumberName) isNotice()             {}
func (AccountUpdate) isNotice()          {}
func (AccountAlert) isNotice()           {}
func (AccountReview) isNotice()          {}
func (Capability) isNotice()             {}
func (SecurityEvent) isNotice()          {}
func (Declined) isNotice()               {}
