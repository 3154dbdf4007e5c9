package wasim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// problem is an error answer.
type problem struct {
	status, code, subcode int
	message, details      string
	more                  object // members beside error
}

// meaning is what Meta says with a code: the HTTP status when it is the answer to a request, and its words.
type meaning struct {
	status         int
	title, details string
}

// meanings is Meta's table of errors. Where the details hold %s, Meta's own text holds the recipient's address, which is
// why no client may pass it on.
var meanings = map[int]meaning{
	0:      {401, "AuthException", "We were unable to authenticate the app user."},
	1:      {500, "API Unknown", "Invalid request or possible server error."},
	2:      {503, "API Service", "Temporary due to downtime or due to being overloaded."},
	3:      {403, "API Method", "Capability or permissions issue."},
	4:      {429, "API Too Many Calls", "The app has reached its API call rate limit."},
	10:     {403, "API Permission Denied", "Permission is either not granted or has been removed."},
	33:     {400, "Parameter value is not valid", "The business phone number has been deleted."},
	100:    {400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."},
	190:    {401, "Access token has expired", "Your access token has expired."},
	200:    {403, "API Permission", "Permission is either not granted or has been removed."},
	299:    {403, "API Permission", "Permission is either not granted or has been removed."},
	368:    {403, "Temporarily blocked for policies violations", "The WhatsApp Business Account associated with the app has been restricted or disabled for violating a platform policy."},
	470:    {400, "Message failed to send because more than 24 hours have passed", reengage},
	80007:  {429, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."},
	80008:  {429, "Rate limit issues", "There have been too many calls to this WhatsApp Business Account."},
	130429: {429, "Rate limit hit", "Cloud API message throughput has been reached."},
	130472: {400, "User's number is part of an experiment", "Message was not sent to %s as part of an experiment."},
	130497: {403, "Business account is restricted from messaging users in this country", "The WhatsApp Business Account is restricted from messaging to users in certain countries."},
	131000: {500, "Something went wrong", "Message failed to send due to an unknown error."},
	131005: {403, "Access denied", "Permission is either not granted or has been removed."},
	131008: {400, "Required parameter is missing", "The request is missing a required parameter."},
	131009: {400, "Parameter value is not valid", "One or more parameter values are invalid."},
	131016: {503, "Service unavailable", "A service is temporarily unavailable."},
	131021: {400, "Recipient cannot be sender", "Sender and recipient phone number is the same."},
	131026: {400, "Message undeliverable", "Message to %s is undeliverable."},
	131030: {400, "Recipient phone number not in allowed list", "Recipient phone number %s not in allowed list: Add recipient phone number to recipient list and try again."},
	131031: {403, "Business Account locked", "Business Account associated with the app has been restricted or disabled."},
	131037: {400, "Display name approval needed", "The business number used to send the message does not have an approved display name."},
	131042: {400, "Business eligibility payment issue", "Message failed to send because there were one or more errors related to your payment method."},
	131045: {500, "Incorrect certificate", "Message failed to send due to a phone number registration error."},
	131047: {400, "Re-engagement message", reengage},
	131048: {400, "Spam rate limit hit", "Message failed to send because there are restrictions on how many messages can be sent from this phone number."},
	131049: {400, "This message was not delivered to maintain healthy ecosystem engagement", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."},
	131050: {400, "User has stopped marketing messages", "Recipient %s chose to stop receiving marketing messages."},
	131051: {400, "Unsupported message type", "Message type is currently not supported."},
	131052: {400, "Media download error", "Unable to download the media sent by the user."},
	131053: {400, "Media upload error", "Unable to upload the media used in the message."},
	131056: {400, "(Business Account, Consumer Account) pair rate limit hit", "Message failed to send because there were too many messages sent from this phone number to %s in a short period of time."},
	131057: {500, "Account in maintenance mode", "Business Account is in maintenance mode."},
	131060: {400, "Message unavailable", "This message is currently unavailable."},
	131062: {400, "Business-scoped user IDs are not supported for this message", "This message cannot be sent to a business-scoped user ID: a phone number is needed."},
	132000: {400, "Number of parameters does not match the expected number of params", "The number of variable parameter values included in the request did not match the number of variable parameters defined in the template."},
	132001: {404, "Template name does not exist in the translation", "The template does not exist in the specified language or the template has not been approved."},
	132005: {400, "Translated text too long", "Translated text is too long."},
	132007: {400, "Template format character policy violated", "Template content violates a WhatsApp policy."},
	132012: {400, "Parameter format does not match format in the created template", "Variable parameter values formatted incorrectly."},
	132015: {400, "Template is paused", "Template is paused due to low quality so it cannot be sent in a template message."},
	132016: {400, "Template is disabled", "Template has been paused too many times due to low quality and is now permanently disabled."},
	132068: {400, "Flow is in blocked state", "Flow is in blocked state."},
	132069: {400, "Flow is in throttled state", "Flow is in throttled state and 10 messages using this flow were already sent in the last hour."},
	133000: {500, "Incomplete deregistration", "A previous deregistration attempt failed."},
	133004: {503, "Server temporarily unavailable", "Server is temporarily unavailable."},
	133005: {400, "Two step verification PIN mismatch", "Two-step verification PIN incorrect."},
	133006: {400, "Phone number re-verification needed", "Phone number needs to be verified before registering."},
	133008: {400, "Too many two step verification PIN guesses", "Too many two-step verification PIN guesses for this phone number."},
	133009: {400, "Two step verification PIN guessed too fast", "Two-step verification PIN was entered too quickly."},
	133010: {400, "Phone number not registered", "Phone number not registered on the WhatsApp Business Platform."},
	133015: {400, "Please wait a few minutes before attempting to register this phone number", "The phone number you are attempting to register was recently deleted."},
	133016: {400, "Account register deregister rate limit exceeded", "Registration or deregistration failed because there were too many attempts for this phone number in a short period of time."},
	134011: {400, "WhatsApp Payments terms of service has not been accepted", "The terms of service have not been accepted."},
	135000: {400, "Generic user error", "Message failed to send because of an unknown error with your request parameters."},
}

// Codes returns every error code the simulator has words for, in order: those of Meta's table.
func Codes() []int {
	all := make([]int, 0, len(meanings))
	for c := range meanings {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

const reengage = "Message failed to send because more than 24 hours have passed since the customer last replied to this number."

// refusal is the answer with a code; to fills the place Meta puts the recipient in.
func refusal(code int, to string) *problem {
	m, ok := meanings[code]
	if !ok {
		m = meaning{400, "Something went wrong", "The request failed."}
	}
	return &problem{status: m.status, code: code, message: m.title, details: fill(m.details, to)}
}

// because is a refusal with details of its own.
func because(code int, details string) *problem {
	p := refusal(code, "")
	p.details = details
	return p
}

func fill(details, to string) string {
	for i := 0; i+1 < len(details); i++ {
		if details[i:i+2] == "%s" {
			return details[:i] + to + details[i+2:]
		}
	}
	return details
}

// fault describes a failure in a status. Its details echo the recipient, as Meta's may.
func fault(code int, to string) object {
	p := refusal(code, to)
	return object{
		"code": code, "title": p.message, "message": p.message, "error_data": object{"details": p.details},
		"href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
	}
}

// Routes of the Graph API, as [Injection] names them.
const (
	RouteMessages  = "messages"
	RouteMarketing = "marketing_messages"
	RouteMark      = "mark" // read receipts and typing, which share a path with messages
	RouteUpload    = "media"
	RouteMedia     = "media_node"
	RouteFile      = "attachments" // the bytes behind a media URL
	RouteTemplates = "message_templates"
	RouteTemplate  = "template_node"
	RouteNumber    = "number_node"
	RouteNumbers   = "phone_numbers"
	RouteProfile   = "whatsapp_business_profile"
	RouteSettings  = "settings"
	RouteBlock     = "block_users"
	RouteSubscribe = "subscribed_apps"
	RouteUsername  = "username"
	RouteBook      = "contact_book"
	RouteActivity  = "activities"
	RouteHistory   = "message_history"
	RouteRegister  = "register"
)

// Injection makes requests fail with a code of Meta's.
type Injection struct {
	// Route is one of the Route constants; "" is every route.
	Route string
	// Code is Meta's; [Codes] lists those with words of their own.
	Code int
	// Times is how many requests fail; 0 is every one until [Sim.ClearInjections].
	Times int
	// Async lets messages be accepted and then fail by webhook. It concerns the two sending routes only.
	Async bool
	// To narrows it to one recipient: digits or a user id; "" is anybody. It concerns the two sending routes only.
	To string
	// Details replaces Meta's words, Status the HTTP status; their zero values are those of Meta's table.
	Details string
	Status  int
	// RetryAfter, if positive, is sent as a Retry-After header, which Meta does not promise.
	RetryAfter time.Duration
}

// Inject adds injections; the first that fits a request is used. It refuses a code outside Meta's table.
func (s *Sim) Inject(all ...Injection) error {
	for _, in := range all {
		if _, ok := meanings[in.Code]; !ok {
			return fmt.Errorf("injecting a fault: no code %d in the table", in.Code)
		}
		if in.Async && in.Code == 0 {
			return errors.New("injecting a fault: code 0 never comes by webhook")
		}
		if in.Async && in.Route != "" && in.Route != RouteMessages && in.Route != RouteMarketing {
			return errors.New("injecting a fault: only messages fail by webhook")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range all {
		s.injections = append(s.injections, &in)
	}
	s.poke()
	return nil
}

// ClearInjections takes all injections away.
func (s *Sim) ClearInjections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injections = nil
	s.poke()
}

// injected takes the first injection that fits. The caller holds mu.
func (s *Sim) injected(route, to string, async bool) *Injection {
	for i, in := range s.injections {
		sending := route == RouteMessages || route == RouteMarketing
		if in.Async != async || in.Route != "" && in.Route != route || in.To != "" && (!sending || in.To != to) {
			continue
		}
		if in.Times > 0 {
			if in.Times--; in.Times == 0 {
				s.injections = slices.Delete(s.injections, i, i+1)
				s.poke()
			}
		}
		return in
	}
	return nil
}

func (in *Injection) problem(to string) *problem {
	p := refusal(in.Code, to)
	if in.Details != "" {
		p.details = in.Details
	}
	if in.Status != 0 {
		p.status = in.Status
	}
	return p
}

// Restrict makes a company number refuse to send with a code until it is called with 0: 131031 and 368 are a locked
// account, 130497 a country, 131037 the display name, 131042 payment, 131045 and 133010 registration. A lock is announced by
// an account_update webhook, as Meta announces it.
func (s *Sim) Restrict(number string, code int) error {
	if _, ok := meanings[code]; !ok {
		return fmt.Errorf("restricting a number: no code %d in the table", code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.numbers[number]
	if n == nil {
		return errors.New("restricting a number: no such number")
	}
	was := n.restricted
	n.restricted = code
	switch {
	case code == 131031:
		s.news("account_update", object{"phone_number": n.Display, "event": "DISABLED_UPDATE", "ban_info": object{
			"waba_ban_state": []any{"DISABLE"}, "waba_ban_date": s.clock.Now().Format("January 2, 2006"),
		}})
	case code == 368:
		s.news("account_update", object{"phone_number": n.Display, "event": "ACCOUNT_RESTRICTION", "restriction_info": []any{
			object{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": s.clock.Now().Add(24 * time.Hour).Unix()},
		}, "violation_info": object{"violation_type": "SPAM"}})
	case code == 0 && (was == 131031 || was == 368):
		s.news("account_update", object{"phone_number": n.Display, "event": "DISABLED_UPDATE", "ban_info": object{"waba_ban_state": []any{"REINSTATE"}}})
	}
	return nil
}
