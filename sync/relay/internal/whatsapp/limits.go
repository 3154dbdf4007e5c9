package whatsapp

import (
	"strings"
	"unicode/utf8"
)

// Limits of the contract, checked before anything leaves, so that a request Meta would refuse costs no round trip and no
// place in a queue. Lengths are in runes unless the name says bytes. Sources: Meta's OpenAPI description (v23.0) where it
// states a maximum; else Meta's guides for interactive messages, contacts, templates and block users (read in 2026).
const (
	MaxTextRunes     = 4096 // guide: text messages
	MaxCaptionRunes  = 1024 // guide: media messages
	MaxFilenameRunes = 240  // ours: file systems of receivers allow 255 bytes, and nothing needs more
	MaxCallbackBytes = 512  // guide: biz_opaque_callback_data
	MaxPlaceRunes    = 1000 // ours: name and address of a location
	MaxCards         = 5    // OpenAPI: ContactsMessage

	MaxHeaderRunes = 60   // OpenAPI: HeaderObject; guide: template components
	MaxBodyRunes   = 1024 // OpenAPI: BodyObject; guide: template components, variables included once filled
	MaxFooterRunes = 60   // OpenAPI: FooterObject; guide: template components

	MaxReplyButtons        = 3    // OpenAPI: ActionObject.buttons
	MaxReplyTitleRunes     = 20   // OpenAPI: ActionObject.buttons.reply.title
	MaxReplyIDBytes        = 256  // OpenAPI: ActionObject.buttons.reply.id
	MaxListSections        = 10   // OpenAPI: ActionObject.sections
	MaxListRows            = 10   // guide: over all sections together; OpenAPI states it for one
	MaxListButtonRunes     = 20   // OpenAPI: ActionObject.button
	MaxSectionTitleRunes   = 24   // OpenAPI: SectionObject.title
	MaxRowTitleRunes       = 24   // OpenAPI: SectionObject.rows.title
	MaxRowIDBytes          = 200  // OpenAPI: SectionObject.rows.id
	MaxRowDescriptionRunes = 72   // guide: list messages
	MaxLinkTitleRunes      = 20   // guide: call-to-action URL buttons
	MaxURLBytes            = 2000 // guide: URL buttons

	MaxTemplateNameBytes     = 512 // guide: templates
	MaxTemplateButtons       = 10  // guide: all kinds together
	MaxTemplateURLButtons    = 2
	MaxTemplateCallButtons   = 1
	MaxTemplateCodeButtons   = 1
	MaxTemplateButtonRunes   = 25
	MaxTemplatePhoneRunes    = 20
	MaxTemplateCouponRunes   = 15
	MaxTemplatePayloadBytes  = 128
	MaxTemplateHeaderExtras  = 1  // variables in a header
	maxTemplateBlanks        = 4  // consecutive spaces in a value; line breaks and tabs are refused altogether
	maxTemplateLanguageBytes = 10 // "zh_Hant_TW" would be the longest

	MaxBlockedPerCall = 1000 // guide: block users
	maxPages          = 700  // ours: 64,000 blocked people in hundreds; a listing that goes on longer does not end
	pageSize          = 100  // OpenAPI: the largest page of the routes that state one
)

// words reports whether s is readable text of least to most runes, and not blank where some is required.
func words(s string, least, most int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	return least == 0 || utf8.RuneCountInString(s) >= least && strings.TrimSpace(s) != ""
}

// token reports whether s can be an id of ours: not blank, readable, at most limit bytes.
func token(s string, limit int) bool {
	return len(s) <= limit && words(s, 1, limit)
}
