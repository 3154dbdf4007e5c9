package kit_test

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"sealdesk/ui/kit"
)

var table = []kit.Binding{
	{ID: "palette", Keys: []string{"Ctrl+K"}},
	{ID: "next", Keys: []string{"Alt+Down"}},
	{ID: "sheet", Keys: []string{"F1"}},
	{ID: "panes", Keys: []string{"F6"}},
	{ID: "panes-back", Keys: []string{"Shift+F6"}},
	{ID: "lock", Keys: []string{"Ctrl+Shift+L"}},
	{ID: "older", Keys: []string{"PageUp"}, Contexts: []string{"composer", "list"}},
	{ID: "unlock", Keys: []string{"Ctrl+U"}, Contexts: []string{"locked"}},
	{ID: "settings", Keys: []string{"Ctrl+,"}},
	{ID: "reply", Keys: []string{"R"}, Contexts: []string{"message"}},
}

type keys struct {
	done    []string
	context string
	mod     fyne.KeyModifier
	refuse  bool
}

func (k *keys) router(t *testing.T) *kit.Router {
	t.Helper()
	r, err := kit.NewRouter(table, kit.RouterConfig{
		Do:        func(id string) bool { k.done = append(k.done, id); return !k.refuse },
		Context:   func() string { return k.context },
		Exclusive: []string{"locked"},
		Modifiers: func() fyne.KeyModifier { return k.mod },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sc(key fyne.KeyName, mod fyne.KeyModifier) fyne.Shortcut {
	return &desktop.CustomShortcut{KeyName: key, Modifier: mod}
}

const ctrl, alt, shift = fyne.KeyModifierControl, fyne.KeyModifierAlt, fyne.KeyModifierShift

func TestKeysStartActionsInTheirContext(t *testing.T) {
	k := &keys{}
	r := k.router(t)
	for name, c := range map[string]struct {
		do      func() bool
		context string
		mod     fyne.KeyModifier
		want    string
	}{
		"ctrl":                             {do: func() bool { return r.Handle(sc(fyne.KeyK, ctrl)) }, want: "palette"},
		"alt":                              {do: func() bool { return r.Handle(sc(fyne.KeyDown, alt)) }, want: "next"},
		"ctrl shift":                       {do: func() bool { return r.Handle(sc(fyne.KeyL, ctrl|shift)) }, want: "lock"},
		"AltGr is never an action":         {do: func() bool { return r.Handle(sc(fyne.KeyK, ctrl|alt)) }},
		"a plain key":                      {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyF6}) }, want: "panes"},
		"shift tells keys apart":           {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyF6}) }, mod: shift, want: "panes-back"},
		"AltGr held is never an action":    {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyF6}) }, mod: ctrl | alt},
		"only in its context":              {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyPageUp}) }, context: "search"},
		"in its context":                   {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyPageUp}) }, context: "composer", want: "older"},
		"a letter is typed in a composer":  {do: func() bool { return r.HandleKey(&fyne.KeyEvent{Name: fyne.KeyR}) }, context: "composer"},
		"locked lets nothing general pass": {do: func() bool { return r.Handle(sc(fyne.KeyK, ctrl)) }, context: "locked"},
		"locked lets its own pass":         {do: func() bool { return r.Handle(sc(fyne.KeyU, ctrl)) }, context: "locked", want: "unlock"},
		"copy is not ours":                 {do: func() bool { return r.Handle(&fyne.ShortcutCopy{}) }},
	} {
		k.done, k.context, k.mod = nil, c.context, c.mod
		used := c.do()
		if got := strings.Join(k.done, " "); got != c.want || used != (c.want != "") {
			t.Errorf("%s: %q used %v, want %q", name, got, used, c.want)
		}
	}
}

func TestBadBindingsAreRefused(t *testing.T) {
	for name, b := range map[string][]kit.Binding{
		"one key twice":            {{ID: "a", Keys: []string{"Ctrl+K"}}, {ID: "b", Keys: []string{"Ctrl+K"}}},
		"one key twice in context": {{ID: "a", Keys: []string{"R"}, Contexts: []string{"x", "y"}}, {ID: "b", Keys: []string{"R"}, Contexts: []string{"y"}}},
		"one action twice":         {{ID: "a", Keys: []string{"F2"}}, {ID: "a", Keys: []string{"F3"}}},
		"ctrl alt":                 {{ID: "a", Keys: []string{"Ctrl+Alt+K"}}},
		"slash on de is shift 7":   {{ID: "a", Keys: []string{"Ctrl+/"}}},
		"brackets need AltGr":      {{ID: "a", Keys: []string{"Ctrl+["}}},
		"backslash needs AltGr":    {{ID: "a", Keys: []string{"Ctrl+\\"}}},
		"backtick is a dead key":   {{ID: "a", Keys: []string{"Ctrl+`"}}},
		"no such key":              {{ID: "a", Keys: []string{"Ctrl+Foo"}}},
		"no such modifier":         {{ID: "a", Keys: []string{"Hyper+K"}}},
		"paste is the entry's":     {{ID: "a", Keys: []string{"Ctrl+V"}}},
	} {
		if err := kit.CheckBindings(b); !errors.Is(err, kit.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := kit.NewRouter(b, kit.RouterConfig{}); err == nil {
			t.Errorf("%s: a router was made", name)
		}
	}
	if err := kit.CheckBindings(table); err != nil {
		t.Errorf("a good table: %v", err)
	}
	same := []kit.Binding{{ID: "a", Keys: []string{"R"}, Contexts: []string{"x"}}, {ID: "b", Keys: []string{"R"}, Contexts: []string{"y"}}}
	if err := kit.CheckBindings(same); err != nil {
		t.Errorf("one key in two contexts: %v", err)
	}
}

func TestEveryFocusableWidgetAsksTheRouterFirst(t *testing.T) {
	themed(t, kit.Options{})
	k := &keys{context: "composer"}
	composer := kit.NewComposer(kit.ComposerConfig{Name: "Message"})
	field := kit.NewField("Code", "", false)
	list := newPile(30).list(kit.ListConfig{})
	chip := kit.NewChip(kit.Chip{Text: "Mine", Style: kit.ChipFilter}, func() {})
	icon := kit.NewIconButton("clip", "Attach", nil)
	button := kit.NewButton("Send", kit.Primary, nil)
	w := window(t, kit.Column(kit.Min(composer), kit.Min(field), kit.Fix(list, 200), kit.Min(chip), kit.Min(icon), kit.Min(button)), 500, 600)
	k.router(t).Attach(w.Canvas())
	asks := func(when string) {
		t.Helper()
		for name, f := range map[string]fyne.Focusable{
			"composer": composer, "field": field.Input(), "list": list, "chip": chip, "icon button": icon, "button": button,
		} {
			k.done = nil
			w.Canvas().Focus(f)
			if w.Canvas().Focused() != f {
				t.Errorf("%s cannot be focused", name)
			}
			f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageUp})
			f.(fyne.Shortcutable).TypedShortcut(sc(fyne.KeyK, ctrl))
			if got := strings.Join(k.done, " "); got != "older palette" {
				t.Errorf("%s: %s forwarded %q", when, name, got)
			}
		}
	}
	asks("in view")
	other := fyne.CurrentApp().NewWindow("") // the driver then takes every widget for one of its own, and knows as little as before they are drawn
	asks("before it is drawn")
	other.Close()
	w.Canvas().Unfocus()
	k.done = nil
	w.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyF1})
	if strings.Join(k.done, " ") != "sheet" {
		t.Errorf("without focus: %v", k.done)
	}
	// What the router refuses goes on to the widget.
	k.refuse, k.done = true, nil
	list.ScrollToBottom()
	first, _ := list.Range()
	list.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageUp})
	if now, _ := list.Range(); now >= first {
		t.Error("a refused key did not reach the list")
	}
}

func TestHints(t *testing.T) {
	r := (&keys{}).router(t)
	for id, want := range map[string]string{"palette": "Ctrl+K", "next": "Alt+↓", "older": "PgUp", "settings": "Ctrl+,", "none": ""} {
		if got := r.Hint(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
