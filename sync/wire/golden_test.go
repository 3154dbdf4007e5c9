package wire

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

// goldenEvents has one event of every kind, with every field set, by the name of its file.
func goldenEvents() map[string]inbox.EventBody {
	contact := inbox.Contact{
		ID: "contact", Alias: "K7-MX4Q", Name: inbox.PlainText("Anna B."), Phone: inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••34"}),
		Email:    inbox.NewMasked(inbox.Span{Kind: inbox.Email, Text: "a•••@•••.de"}),
		Username: inbox.NewMasked(inbox.Span{Kind: inbox.Handle, Text: "@a•••"}), Country: "DE", Since: 1_790_000_000_000,
	}
	media := inbox.Media{
		ID: "media", Type: "image/jpeg", Size: 4711, Width: 640, Height: 480, Name: inbox.PlainText("kitchen.jpg"), Blur: []byte{1, 10, 20, 30},
		State: inbox.MediaReady,
	}
	message := inbox.Message{
		ID: "message", Conversation: "conversation", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "person", Kind: inbox.Text,
		Body:    inbox.NewMasked(inbox.Span{Text: "call "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••34"}),
		Receipt: inbox.Queued, Cause: "intent", Forwarded: true,
	}
	full := message
	full.Quote = &inbox.Quote{Message: "quoted", Side: inbox.FromContact, Excerpt: inbox.PlainText("when?")}
	full.Media, full.Receipt, full.Failure = &media, inbox.Failed, inbox.FailWindow
	full.Reactions = []inbox.Reaction{{Side: inbox.FromPerson, By: "person", Emoji: "👍"}}
	full.What, full.Whom = inbox.WhatAssigned, "colleague"
	return map[string]inbox.EventBody{
		"conversation_opened": inbox.ConversationOpened{Conversation: "conversation", Inbox: "sales", Contact: contact},
		"contact_changed":     inbox.ContactChanged{Conversation: "conversation", Contact: contact},
		"message_added":       inbox.MessageAdded{Message: message},
		"message_added_full":  inbox.MessageAdded{Message: full},
		"receipt_changed":     inbox.ReceiptChanged{Conversation: "conversation", Message: "message", Receipt: inbox.Failed, Failure: inbox.FailWindow},
		"reacted":             inbox.Reacted{Conversation: "conversation", Message: "message", Reaction: inbox.Reaction{Side: inbox.FromContact, Emoji: "👍"}},
		"assigned":            inbox.Assigned{Conversation: "conversation", To: "colleague", By: "person"},
		"state_changed":       inbox.StateChanged{Conversation: "conversation", State: inbox.Closed, By: "person"},
		"read_moved":          inbox.ReadMoved{Conversation: "conversation", Person: "person", UpTo: 70_000},
		"media_changed":       inbox.MediaChanged{Conversation: "conversation", Message: "message", Media: media},
		"person_changed":      inbox.PersonChanged{Person: inbox.Person{ID: "person", Name: "Tobias", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}}},
		"inbox_changed":       inbox.InboxChanged{Inbox: inbox.Inbox{ID: "sales", Name: "Sales"}},
		"inbox_changed_held": inbox.InboxChanged{Inbox: inbox.Inbox{
			ID: "sales", Name: "Sales", State: inbox.InboxHeld, Why: inbox.FailCompanyAccount, Quality: inbox.QualityLow, Daily: -1,
		}},
		"message_added_template": inbox.MessageAdded{Message: inbox.Message{
			ID: "message", Conversation: "conversation", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "person", Kind: inbox.Templated,
			Body: inbox.PlainText("your bike is ready"), Header: inbox.PlainText("Hello"), Footer: inbox.PlainText("Reply STOP"),
			Choices: []inbox.Choice{{Kind: inbox.ChoiceRow, Title: inbox.PlainText("Yes"), Note: inbox.PlainText("today")}},
			Edited:  1_790_000_000_001, Referral: &inbox.Referral{Post: true, Headline: inbox.PlainText("Sale"), Body: inbox.PlainText("this week")}, Outside: true,
		}},
		"media_changed_voice": inbox.MediaChanged{Conversation: "conversation", Message: "message", Media: inbox.Media{
			ID: "media", Type: "audio/ogg", Size: 4711, State: inbox.MediaFalse, Length: 12_000, Dangerous: true,
		}},
		"message_changed":     inbox.MessageChanged{Conversation: "conversation", Message: "message", Body: inbox.PlainText("new"), Deleted: true, At: 1_790_000_000_000},
		"consent_changed":     inbox.ConsentChanged{Conversation: "conversation", Consent: inbox.Consent{Marketing: inbox.Given, Templates: inbox.Withdrawn, At: 1_790_000_000_000, Source: inbox.FromRecord, By: "person"}},
		"free_entry_moved":    inbox.FreeEntryMoved{Conversation: "conversation", Until: 1_790_000_000_000},
		"conversation_joined": inbox.ConversationJoined{Conversation: "conversation", Into: "other"},
		"template_changed": inbox.TemplateChanged{Template: inbox.Template{
			ID: "template", Inbox: "sales", Name: "ready", Language: "en", Category: inbox.Marketing, State: inbox.TemplatePaused, Quality: inbox.QualityMedium,
			Reason: "LOW_QUALITY", Header: inbox.TemplateHeader{Kind: inbox.Text, Text: "Hello {{1}}"}, Body: "your {{1}} is ready", Footer: "Reply STOP",
			Buttons: []inbox.TemplateButton{{Kind: inbox.ChoiceLink, Text: "Track"}},
			Fields:  []inbox.TemplateField{{Place: inbox.InButton, Name: "1", Example: "4711", Button: 1}}, Removed: true,
		}},
		"card_changed": inbox.CardChanged{Card: inbox.CompanyCard{ID: "office", Name: "Office", Company: "Example GmbH", Removed: true}},
		"incident_changed": inbox.IncidentChanged{Incident: inbox.Incident{
			ID: "incident", Kind: inbox.IncidentAccess, Inbox: "sales", Conversation: "conversation", At: 1_790_000_000_000, Last: 1_790_000_000_001,
			Count: 3, Detail: "190", Closed: 1_790_000_000_002, By: "person",
		}},
		"tag_changed": inbox.TagChanged{Tag: inbox.Tag{ID: "tag", Name: "Offer", Colour: 3, Removed: true}},
		"quick_reply_changed": inbox.QuickReplyChanged{QuickReply: inbox.QuickReply{
			ID: "reply", Shortcut: "offer", Text: "Hello {{contact.name}}", Language: "en", Inboxes: []inbox.InboxID{"sales"}, Removed: true,
		}},
		"tags_changed": inbox.TagsChanged{Conversation: "conversation", Tags: []inbox.TagID{"tag", "other"}, By: "person"},
		"task_changed": inbox.TaskChanged{Conversation: "conversation", Task: inbox.Task{
			ID: "task", Text: inbox.PlainText("send the offer"), Person: "colleague", Due: 1_790_000_000_000, By: "person", Done: 1_790_000_000_001,
		}, Removed: true},
		"rated":                 inbox.Rated{Conversation: "conversation", Score: 5, For: "person"},
		"state_changed_snoozed": inbox.StateChanged{Conversation: "conversation", State: inbox.Snoozed, By: "person", Until: 1_790_000_000_000},
		"person_changed_away":   inbox.PersonChanged{Person: inbox.Person{ID: "person", Name: "Tobias", Role: inbox.Agent, Away: true, Speaks: []string{"de", "it"}}},
		"inbox_changed_hours": inbox.InboxChanged{Inbox: inbox.Inbox{ID: "sales", Name: "Sales", Answer: 30, Hours: inbox.Hours{
			Zone: "Europe/Berlin", Week: [7][]inbox.Shift{1: {{From: 540, To: 720}, {From: 780, To: 1080}}}, Off: []string{"2026-12-25"},
		}}},
		"message_added_mention": inbox.MessageAdded{Message: inbox.Message{
			ID: "message", Conversation: "conversation", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "person", Kind: inbox.Note,
			Body: inbox.PlainText("look"), Mentions: []inbox.PersonID{"colleague"}, Wakes: 1_790_000_000_001,
		}},
		"message_added_held": inbox.MessageAdded{Message: inbox.Message{
			ID: "message", Conversation: "conversation", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "person", Kind: inbox.Text,
			Body: inbox.PlainText("text"), Receipt: inbox.Queued, Held: true, Until: 1_790_000_005_000,
		}},
		"message_released":  inbox.MessageReleased{Conversation: "conversation", Message: "message", By: "colleague"},
		"message_withdrawn": inbox.MessageWithdrawn{Conversation: "conversation", Message: "message", By: "person"},
		"message_masked":    inbox.MessageMasked{Conversation: "conversation", Message: "message", Body: inbox.NewMasked(inbox.Span{Kind: inbox.Phone, Text: "•••"})},
		"contact_erased":    inbox.ContactErased{Conversation: "conversation", Contact: "contact"},
		"reveal_changed": inbox.RevealChanged{Reveal: inbox.Reveal{
			ID: "reveal", Conversation: "conversation", Field: inbox.FieldPhone, By: "person", Why: inbox.ReasonCall, Note: inbox.PlainText("asked for a call"),
			State: inbox.RevealShown, At: 1_790_000_000_000, Decider: "colleague", Shown: 1_790_000_001_000, Until: 1_790_000_600_000,
		}},
		"request_changed": inbox.RequestChanged{Request: inbox.Request{
			ID: "request", Kind: inbox.RequestErasure, Inbox: "sales", Conversation: "conversation", Contact: "contact", At: 1_790_000_000_000,
			Due: 1_792_592_000_000, State: inbox.RequestDone, First: "person", Second: "colleague", Settled: 1_790_000_000_003, Reason: "why",
		}},
	}
}

// goldenFrames has one frame of every type, and of every kind of intent.
func goldenFrames() map[string]any {
	wish := func(b inbox.IntentBody) inbox.Intent {
		return inbox.Intent{ID: "intent", At: 1_790_000_000_000, Body: b}
	}
	return map[string]any{
		"hello_3": Hello{
			Low: 3, High: 3, Device: "device", App: "0.1.0", System: "linux/amd64", Boot: bytes.Repeat([]byte{3}, 16),
			Posture: inbox.Posture{Release: "Debian 12", Disk: inbox.Holds, Keyring: "gnome-keyring"},
		},
		"resume": Resume{
			Cursors: []inbox.Cursor{{Log: "inbox/sales", Epoch: "epoch", Seq: 70_000}}, Held: []Checkpoint{{Log: "company", Note: []byte("note")}},
		},
		"sign_in": SignIn{
			Name: "Tobias", Ways: []Way{WayPassword, WayBrowser}, Need: NeedSecond, Trouble: TroubleWrong, Wait: 5,
			Second: &SecondFactor{URL: "otpauth://totp/x", Secret: "ABC"}, Recovery: []string{"one"}, Browser: &BrowserSignIn{URL: "https://sso.example/a", State: "state"},
		},
		"credential": Credential{
			Password: "password", Code: "123456", New: "new", Begin: true,
			Browser: &BrowserCode{Code: "code", State: "state", Verifier: "verifier", Redirect: "http://127.0.0.1:1/"},
		},
		"hello_wiped": Hello{Low: 3, High: 3, Device: "device", Boot: bytes.Repeat([]byte{3}, 16), Wiped: true},
		"sign_in_passkey": SignIn{
			Ways: []Way{WayPassword, WayPasskey}, Need: NeedPasskey, Trouble: TroublePasskey,
			Passkey: &BrowserSignIn{URL: "https://inbox.example/sign-in/passkey?ticket=a", State: "state"},
		},
		"credential_passkey": Credential{
			Name: "Tobias", Adds: true, Passkey: &BrowserCode{Code: "code", State: "state", Verifier: "verifier", Redirect: "http://127.0.0.1:1/"},
		},
		"confirmed": Confirmed{Until: 1_790_000_000_000},
		"sign_out":  SignOut{},
		"welcome_3": Welcome{
			Person: inbox.Person{ID: "person", Name: "Tobias", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}, Team: "north"}, Time: 1_790_000_000_000,
			Logs: []LogHead{{Log: "inbox/sales", Epoch: "epoch", Seq: 70_000}}, Half: bytes.Repeat([]byte{4}, HalfLen), Generation: 2, Lease: []byte("lease"),
			SignedIn: 1_790_000_000_001, Fresh: 1_790_000_000_002,
		},
		"lent":       Lent{Lease: []byte("lease")},
		"rotate":     Rotate{Generation: 3, Half: bytes.Repeat([]byte{4}, HalfLen), Lease: []byte("lease")},
		"rotated":    Rotated{Generation: 3},
		"wipe":       Wipe{Order: []byte("order")},
		"wiping":     Wiping{Wipe: "wipe", Step: inbox.WipeStep{Did: inbox.WipeStore, At: 1_790_000_000_000, Count: 2, Bytes: 4711, Left: 1}},
		"wiped":      Wiped{Receipt: []byte("receipt")},
		"checkpoint": Checkpoint{Log: "company", Note: []byte("note"), Proof: [][]byte{bytes.Repeat([]byte{5}, 32)}},
		"witness":    Witness{Log: "company", Size: 70_000, Root: bytes.Repeat([]byte{6}, 32), Signature: bytes.Repeat([]byte{7}, 64)},
		"protest":    Protest{Log: "company", Held: []byte("held"), Got: []byte("got")},

		"ask_devices":     Ask{ID: 10, Question: inbox.AskDevices{Person: "person"}},
		"ask_wipe":        Ask{ID: 11, Question: inbox.OrderWipe{Device: "device", Why: inbox.WipeLeaving, At: 1_790_000_000_000, Signature: []byte{1}}},
		"ask_decide_wipe": Ask{ID: 12, Question: inbox.DecideWipe{Device: "device", Wipe: "wipe", Agree: true, At: 1_790_000_000_000, Signature: []byte{1}}},
		"ask_offboard":    Ask{ID: 13, Question: inbox.Offboard{Person: "person", To: "colleague", At: 1_790_000_000_000, Signature: []byte{1}}},
		"ask_rename":      Ask{ID: 14, Question: inbox.RenameDevice{Device: "device", Name: "laptop"}},
		"ask_reimaged":    Ask{ID: 15, Question: inbox.Reimaged{Device: "device"}},
		"ask_proof":       Ask{ID: 16, Question: inbox.AskProof{Device: "device", Wipe: "wipe"}},
		"ask_holdings":    Ask{ID: 17, Question: inbox.AskHoldings{Device: "device", From: 1_790_000_000_000, To: 1_790_000_000_001, After: "conversation"}},
		"ask_audit": Ask{ID: 18, Question: inbox.AskAudit{
			Person: "person", Conversation: "conversation", Device: "device", Act: "message.", From: 1_790_000_000_000, To: 1_790_000_000_001, Before: "7",
		}},
		"answer_devices":      Answer{ID: 10, Answer: inbox.Devices{List: []inbox.Device{goldenDevice()}, Now: 1_790_000_000_000}},
		"answer_ordered":      Answer{ID: 11, Answer: inbox.Ordered{Wipe: *goldenDevice().Wipe}},
		"answer_decided_wipe": Answer{ID: 12, Answer: inbox.WipeDecided{Wipe: *goldenDevice().Wipe}},
		"answer_offboarded":   Answer{ID: 13, Answer: inbox.Offboarded{Conversations: 3, Wipes: []inbox.Wipe{*goldenDevice().Wipe}, Devices: []inbox.Device{goldenDevice()}}},
		"answer_renamed":      Answer{ID: 14, Answer: inbox.Renamed{}},
		"answer_noticed":      Answer{ID: 15, Answer: inbox.Noticed{Wipe: *goldenDevice().Wipe}},
		"answer_proof":        Answer{ID: 16, Answer: inbox.Proof{Name: "wipe.proof", File: []byte("file")}},
		"answer_holdings": Answer{ID: 17, Answer: inbox.Holdings{List: []inbox.Holding{{
			Inbox: "sales", Conversation: "conversation", Messages: 7, First: 1_790_000_000_000, Last: 1_790_000_000_001, Revealed: []inbox.Field{inbox.FieldPhone},
		}}, Total: 9, More: true}},
		"answer_audit": Answer{ID: 18, Answer: inbox.AuditPage{
			Entries: []inbox.AuditEntry{{
				ID: "7", At: 1_790_000_000_000, Actor: "person", Device: "device", Act: "message.sent", Object: "message", Refused: inbox.RefusedRight, Detail: "d", Inbox: "sales",
				About: &inbox.AuditHint{Conversation: "conversation", Person: "person", Device: "laptop", Name: "Marco R."},
			}},
			More: true, Chains: []inbox.AuditChain{{Log: "company", Size: 70_000, Signed: 1_790_000_000_000, Witnesses: 2, Verified: 1_790_000_000_001, Broken: true}},
		}},
		"answer_grant_second": Answer{ID: 5, Answer: inbox.Grant{Reveal: "reveal", Second: true}},
		"challenge":           Challenge{Version: 1, Nonce: bytes.Repeat([]byte{7}, 32), Time: 1_790_000_000_000},
		"proof":               Proof{Signature: bytes.Repeat([]byte{9}, 64)},
		"welcome": Welcome{
			Person: inbox.Person{ID: "person", Name: "Tobias", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}}, Time: 1_790_000_000_000,
			Logs: []LogHead{{Log: "inbox/sales", Epoch: "epoch", Seq: 70_000}},
		},
		"ack":                      Ack{Cursor: inbox.Cursor{Log: "inbox/sales", Epoch: "epoch", Seq: 70_000}},
		"outcome":                  Outcome{Intent: "intent", Refusal: inbox.RefusedWindow, Retry: 500},
		"intent_send_text":         wish(inbox.SendText{Conversation: "conversation", Text: "hello", Quote: "quoted"}),
		"intent_add_note":          wish(inbox.AddNote{Conversation: "conversation", Text: "a note"}),
		"intent_react":             wish(inbox.AddReaction{Conversation: "conversation", Message: "message", Emoji: "👍"}),
		"intent_assign":            wish(inbox.Assign{Conversation: "conversation", To: "colleague"}),
		"intent_set_state":         wish(inbox.SetState{Conversation: "conversation", State: inbox.Closed}),
		"intent_mark_read":         wish(inbox.MarkRead{Conversation: "conversation", UpTo: 70_000}),
		"intent_send_again":        wish(inbox.SendAgain{Conversation: "conversation", Message: "message"}),
		"intent_send_text_preview": wish(inbox.SendText{Conversation: "conversation", Text: "hello", Preview: true}),
		"intent_send_media":        wish(inbox.SendMedia{Conversation: "conversation", Media: "media", Caption: "look", Quote: "quoted"}),
		"intent_send_template":     wish(inbox.SendTemplate{Conversation: "conversation", Template: "template", Values: []string{"bike"}, Media: "media"}),
		"intent_send_interactive": wish(inbox.SendInteractive{
			Conversation: "conversation", Text: "when?", Header: "Visit", Footer: "thanks", Menu: "Days", Options: []inbox.Option{{Title: "Monday", Note: "from 9"}}, Quote: "quoted",
		}),
		"intent_send_location":    wish(inbox.SendLocation{Conversation: "conversation", Latitude: 52.5, Longitude: -13.25, Name: "Shop", Address: "Example Street 1", Quote: "quoted"}),
		"intent_send_card":        wish(inbox.SendCard{Conversation: "conversation", Card: "office", Quote: "quoted"}),
		"intent_record_consent":   wish(inbox.RecordConsent{Conversation: "conversation", Proof: "form"}),
		"intent_send_text_said":   wish(inbox.SendText{Conversation: "conversation", Text: "hello", Said: inbox.Said{Reason: "agreed", Pasted: "other"}}),
		"intent_withdraw":         wish(inbox.Withdraw{Conversation: "conversation", Message: "message"}),
		"intent_add_note_mention": wish(inbox.AddNote{Conversation: "conversation", Text: "look", Mentions: []inbox.PersonID{"colleague"}}),
		"intent_snooze":           wish(inbox.SetState{Conversation: "conversation", State: inbox.Snoozed, Until: 1_790_000_000_000}),
		"intent_set_tags":         wish(inbox.SetTags{Conversation: "conversation", Add: []inbox.TagID{"tag"}, Remove: []inbox.TagID{"other"}}),
		"intent_edit_task": wish(inbox.EditTask{
			Conversation: "conversation", Task: "task", Text: "send the offer", Person: "colleague", Due: 1_790_000_000_000, Done: true, Removed: true,
		}),
		"attend":               Attend{Conversation: "conversation", Writing: true},
		"presence":             Presence{inbox.Presence{Online: []inbox.PersonID{"person"}, Here: []inbox.Here{{Person: "person", Conversation: "conversation", Writing: true}}}},
		"ask_edit_tag":         Ask{ID: 19, Question: inbox.EditTag{Tag: inbox.Tag{ID: "tag", Name: "Offer"}}},
		"ask_edit_quick_reply": Ask{ID: 20, Question: inbox.EditQuickReply{QuickReply: inbox.QuickReply{ID: "reply", Shortcut: "offer", Text: "text"}}},
		"ask_away":             Ask{ID: 21, Question: inbox.SetAway{Away: true}},
		"ask_board":            Ask{ID: 22, Question: inbox.AskBoard{}},
		"ask_report":           Ask{ID: 23, Question: inbox.AskReport{From: "2026-11-01", To: "2026-11-30", Inbox: "sales", By: inbox.ByTeam}},
		"ask_search": Ask{ID: 24, Question: inbox.AskSearch{
			Text: "offer", Conversation: "conversation", Inbox: "sales", Person: "person", Customer: true, File: true, Tag: "tag", From: 1_790_000_000_000, To: 1_790_000_000_001, Before: "7",
		}},
		"answer_edited":  Answer{ID: 19, Answer: inbox.Edited{}},
		"answer_written": Answer{ID: 20, Answer: inbox.Written{}},
		"answer_away":    Answer{ID: 21, Answer: inbox.Away{}},
		"answer_board": Answer{ID: 22, Answer: inbox.Board{Now: 1_790_000_000_000, Lines: []inbox.BoardLine{{
			Inbox: "sales", Open: 9, Unassigned: 8, Waiting: 7, Overdue: 6, Snoozed: 5, Longest: 1_790_000_000_001, Online: 4, In: 3, Out: 2, Closed: 1,
			Hours: []inbox.HourBin{{From: 1_790_000_000_002, In: 3, Out: 2}},
		}}}},
		"answer_report": Answer{ID: 23, Answer: inbox.Report{
			Lines: []inbox.ReportLine{{
				Key: "team", Conversations: 20, New: 19, In: 18, Out: 17, Closed: 16, Answered: 15, AnswerMedian: 14, AnswerNinety: 13, Late: 12, CloseMedian: 11, CloseNinety: 10,
				Ratings: [5]int{1, 2, 3, 4, 5},
			}},
			All: inbox.ReportLine{Conversations: 20}, Floor: 5, Hidden: 2,
		}},
		"answer_search": Answer{ID: 24, Answer: inbox.SearchPage{Hits: []inbox.Hit{{
			Conversation: "conversation", Message: "message", Seq: 70_000, At: 1_790_000_000_000, Side: inbox.FromPerson, Author: "person", Kind: inbox.Note, Body: inbox.PlainText("offer"),
		}}, Next: "7", Back: 1_790_000_000_001}},
		"intent_decide_held": wish(inbox.DecideHeld{Conversation: "conversation", Message: "message", Agree: true}),
		"ask_reveal": Ask{ID: 5, Question: inbox.AskReveal{
			Conversation: "conversation", Field: inbox.FieldEmail, Why: inbox.ReasonContract, Note: "offer", Key: bytes.Repeat([]byte{6}, 32),
		}},
		"ask_open":       Ask{ID: 6, Question: inbox.OpenReveal{Conversation: "conversation", Reveal: "reveal", End: true}},
		"ask_decide":     Ask{ID: 7, Question: inbox.DecideReveal{Conversation: "conversation", Reveal: "reveal", Agree: true}},
		"ask_look_up":    Ask{ID: 8, Question: inbox.LookUp{Inbox: "sales", Number: "+1 555 0100"}},
		"ask_draft":      Ask{ID: 9, Question: inbox.CheckDraft{Conversation: "conversation", Text: "hello", Pasted: "other"}},
		"answer_grant":   Answer{ID: 5, Answer: inbox.Grant{Reveal: "reveal", State: inbox.RevealShown, Sealed: []byte{1, 2}, Until: 1_790_000_600_000}},
		"answer_opened":  Answer{ID: 6, Answer: inbox.Opened{Reveal: "reveal", State: inbox.RevealShown, Sealed: []byte{1, 2}, Until: 1_790_000_600_000}},
		"answer_decided": Answer{ID: 7, Answer: inbox.Decided{State: inbox.RevealGranted}},
		"answer_found":   Answer{ID: 8, Answer: inbox.Found{Conversation: "conversation"}},
		"answer_verdict": Answer{ID: 9, Answer: inbox.Verdict{Action: inbox.GuardHold, Findings: []inbox.Finding{
			{Rule: inbox.GuardDiscount, Action: inbox.GuardHold, From: 3, To: 9, Detail: "20 %"},
		}}},
		"ask_fetch_media": Ask{ID: 1, Question: inbox.FetchMedia{Conversation: "conversation", Message: "message", Media: "media"}},
		"ask_offer_media": Ask{ID: 2, Question: inbox.OfferMedia{
			Conversation: "conversation", Name: "a.jpg", Type: "image/jpeg", Size: 4711, Digest: bytes.Repeat([]byte{5}, 32), Voice: true, Document: true,
		}},
		"ask_typing":     Ask{ID: 3, Question: inbox.Typing{Conversation: "conversation"}},
		"ask_costs":      Ask{ID: 4, Question: inbox.AskCosts{From: "2026-11-01", To: "2026-11-30", Inbox: "sales", Conversation: "conversation"}},
		"answer_ticket":  Answer{ID: 1, Answer: inbox.Ticket{Path: "/v1/media/x", Size: 4711, Type: "image/jpeg"}},
		"answer_upload":  Answer{ID: 2, Answer: inbox.UploadTicket{Media: "media", Path: "/v1/media/x", Offset: 100}},
		"answer_done":    Answer{ID: 3, Answer: inbox.Done{}},
		"answer_costs":   Answer{ID: 4, Answer: inbox.Costs{Currency: "EUR", Lines: []inbox.CostLine{{Day: "2026-11-21", Class: inbox.CostMarketing, Messages: 2, Billed: 1, Amount: 110_000}}, Unpriced: 1}},
		"answer_refused": Answer{ID: 5, Refusal: inbox.RefusedRight, Retry: 500},
		"batch": inbox.Batch{Log: "inbox/sales", Epoch: "epoch", From: 70_000, To: 70_002, Reset: true, Events: []inbox.Event{
			{Seq: 70_001, At: 1_790_000_000_000, Cause: "intent", Body: goldenEvents()["message_added"]},
			{Seq: 70_002, At: 1_790_000_000_001, Body: goldenEvents()["receipt_changed"]},
		}},
	}
}

func goldenDevice() inbox.Device {
	return inbox.Device{
		ID: "device", Person: "person", Name: "laptop", App: "0.1.0", System: "linux/amd64", Posture: inbox.Posture{Release: "Debian 12", Disk: inbox.Fails, Keyring: "gnome-keyring"},
		Enrolled: 1_790_000_000_000, Seen: 1_790_000_000_001, Online: true, SignedIn: 1_790_000_000_002, Lease: 1_790_000_000_003, Twice: 1_790_000_000_004, Revoked: 1_790_000_000_005,
		Wipe: &inbox.Wipe{
			ID: "wipe", Why: inbox.WipeLost, By: "person", Second: "colleague", Ordered: 1_790_000_000_006, Level: inbox.WipeProven, Half: 1_790_000_000_007, Dark: 1_790_000_000_008,
			Started: 1_790_000_000_009, Proven: 1_790_000_000_010, Steps: []inbox.WipeStep{{Did: inbox.WipeKeys, At: 1_790_000_000_011, Count: 2}}, Reimaged: 1_790_000_000_012, Cancelled: 1_790_000_000_013,
		},
	}
}

// An older device must be understood well enough to be told that it is too old.
func TestAHelloOfTheFirstVersionIsRead(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("testdata", "frames", "hello.frame"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := Decode(old)
	if h, ok := body.(Hello); err != nil || !ok || h.Low != 1 || h.High != 1 || h.Device != "device" {
		t.Errorf("%v, %v", body, err)
	}
	if _, ok := Choose(1, 2); ok {
		t.Error("a device that cannot sign in is spoken to")
	}
}

// golden returns what the file holds. A file that is not there is written: new words get new files, and a file that was
// committed is never edited, because devices and logs out there hold its bytes.
func golden(t *testing.T, name string, now []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Logf("%s is new", path)
		if b, err = now, os.WriteFile(path, now, 0o644); err == nil {
			return b
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEventsOfTheFirstVersionAreReadForEver(t *testing.T) {
	kinds := map[inbox.EventKind]bool{}
	for name, body := range goldenEvents() {
		kinds[body.Kind()] = true
		t.Run(name, func(t *testing.T) {
			want := inbox.Event{Seq: 70_000, At: 1_790_000_000_000, Cause: "intent", Body: body}
			row, err := EncodeEvent(want)
			if err != nil {
				t.Fatal(err)
			}
			old := golden(t, filepath.Join("events", name+".cbor"), row)
			got, err := DecodeEvent(old)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if !bytes.Equal(row, old) {
				t.Errorf("is written in another way now: %x", row)
			}
		})
	}
	for _, body := range inbox.EventBodies() {
		if !kinds[body.Kind()] {
			t.Errorf("kind %d has no golden file", body.Kind())
		}
	}
}

func TestFramesOfTheFirstVersionAreReadForEver(t *testing.T) {
	types, wishes := map[Type]bool{}, map[inbox.IntentKind]bool{}
	asked, answered := map[inbox.QuestionKind]bool{}, map[inbox.QuestionKind]bool{}
	for name, want := range goldenFrames() {
		t.Run(name, func(t *testing.T) {
			var frame []byte
			var err error
			switch body := want.(type) {
			case Body:
				frame = Encode(body)
			case inbox.Intent:
				frame, err = EncodeIntent(body)
				wishes[body.Body.IntentKind()] = true
			case inbox.Batch:
				frame, err = EncodeBatch(body)
			case Ask:
				frame, err = EncodeAsk(body)
				asked[body.Question.QuestionKind()] = true
			case Answer:
				frame, err = EncodeAnswer(body)
				if body.Answer != nil {
					answered[body.Answer.AnswerKind()] = true
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			old := golden(t, filepath.Join("frames", name+".frame"), frame)
			types[Type(old[0])] = true
			got, err := Decode(old)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			// A compressor may find a shorter way to say the same.
			if name != "batch" && !bytes.Equal(frame, old) {
				t.Errorf("is written in another way now: %x", frame)
			}
		})
	}
	for _, body := range inbox.IntentBodies() {
		if !wishes[body.IntentKind()] {
			t.Errorf("intents of kind %d have no golden file", body.IntentKind())
		}
	}
	for _, q := range inbox.Questions() {
		if !asked[q.QuestionKind()] || !answered[q.QuestionKind()] {
			t.Errorf("questions of kind %d or their answers have no golden file", q.QuestionKind())
		}
	}
	for k := TypeHello; k <= TypeAnswer; k++ {
		if !types[k] {
			t.Errorf("type %d has no golden file", k)
		}
	}
}
