package kit

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// ErrKeys is returned for bindings that cannot work: a key that does not exist or is not on every
// keyboard, two actions on one key, or Ctrl with Alt.
var ErrKeys = errors.New("bad key binding")

// Binding is one action and the keys that start it.
type Binding struct {
	// ID is handed to RouterConfig.Do.
	ID string
	// Keys are alternatives such as "Ctrl+K", "Alt+Shift+Down", "F6" or "PageUp". Ctrl means the
	// Command key on macOS. The first one is shown as the hint.
	Keys []string
	// Contexts are where the keys work; none means everywhere but in exclusive contexts.
	Contexts []string
	// Label is the translation key of the action's name.
	Label string
	// Hidden keeps the action out of lists of shortcuts.
	Hidden bool
}

// RouterConfig says what a Router decides with.
type RouterConfig struct {
	// Do runs an action and reports whether it did anything. When it did not, the key goes on to the
	// focused widget.
	Do func(id string) bool
	// Context names where the focus is. Nil means "".
	Context func() string
	// Exclusive are contexts in which only bindings that name them work, such as a locked window.
	Exclusive []string
	// Key names a key as it is printed on the reader's keyboard: "Ctrl", "Alt", "Shift", "Enter",
	// "PageUp", "PageDown", "Home" or "End". Nil, and "" for a key, mean the English name.
	Key func(name string) string
	// Copy is asked when Copy is pressed and no text entry has anything selected. It reports whether
	// there was something to copy. Nil means there never is.
	Copy func() bool
	// Undo is asked when Undo is pressed and the text entry that has the focus, if one has, has nothing of its own to undo. It
	// reports whether it took something back. Nil means there never is anything.
	Undo func() bool
	// Modifiers returns the keys held down. It is injected because only the desktop driver knows.
	// Nil means none.
	Modifiers func() fyne.KeyModifier
}

// Router turns keys into actions from one table. Every focusable widget of this package asks it before
// using a key, and Attach makes a window ask it when nothing has the focus.
type Router struct {
	bindings []Binding
	cfg      RouterConfig
	byKey    map[chord][]int
}

type chord struct {
	key fyne.KeyName
	mod fyne.KeyModifier
}

// NewRouter returns a Router over the bindings, or ErrKeys.
func NewRouter(bindings []Binding, cfg RouterConfig) (*Router, error) {
	if err := CheckBindings(bindings); err != nil {
		return nil, err
	}
	r := &Router{bindings: slices.Clone(bindings), cfg: cfg, byKey: map[chord][]int{}}
	for i, b := range bindings {
		for _, k := range b.Keys {
			c, _ := parseChord(k)
			r.byKey[c] = append(r.byKey[c], i)
		}
	}
	return r, nil
}

// Bindings returns the table, for a sheet of shortcuts or a palette.
func (r *Router) Bindings() []Binding { return slices.Clone(r.bindings) }

// Hint returns the first key of an action as it is printed beside it, "" when it has none.
func (r *Router) Hint(id string) string {
	for _, b := range r.bindings {
		if b.ID == id && len(b.Keys) > 0 {
			return hint(b.Keys[0], runtime.GOOS == "darwin", r.cfg.Key)
		}
	}
	return ""
}

// KeyHint is how keys such as "Shift+Enter" are printed for a reader whose keyboard has these names; see
// RouterConfig.Key.
func KeyHint(keys string, name func(string) string) string {
	return hint(keys, runtime.GOOS == "darwin", name)
}

func hint(keys string, mac bool, name func(string) string) string {
	pretty := map[string]string{
		"Up": "↑", "Down": "↓", "Left": "←", "Right": "→", "PageUp": "PgUp", "PageDown": "PgDn",
		"Escape": "Esc", "Return": "Enter", "Comma": ",", "Slash": "/",
	}
	parts := strings.Split(keys, "+")
	for i, p := range parts {
		if n, ok := pretty[p]; ok {
			parts[i] = n
		}
		if p == "Return" {
			p = "Enter"
		}
		if name != nil && !(mac && (p == "Ctrl" || p == "Alt" || p == "Shift")) {
			if n := name(p); n != "" {
				parts[i] = n
			}
		}
	}
	if !mac {
		return strings.Join(parts, "+")
	}
	signs := map[string]string{"Ctrl": "⌘", "Alt": "⌥", "Shift": "⇧"}
	for i, p := range parts {
		if n, ok := signs[p]; ok {
			parts[i] = n
		}
	}
	return strings.Join(parts, "")
}

// Attach makes a window use the router: its canvas asks it for every key that no widget takes, and the
// widgets of this package on it ask it first. Release undoes it.
func (r *Router) Attach(c fyne.Canvas) {
	stateOf(c).router = r
	handle := func(s fyne.Shortcut) {
		stateOf(c).noticed()
		r.Handle(s)
	}
	for ch := range r.byKey {
		if ch.mod&^fyne.KeyModifierShift != 0 {
			c.AddShortcut(&desktop.CustomShortcut{KeyName: ch.key, Modifier: ch.mod}, handle)
		}
	}
	c.AddShortcut(&fyne.ShortcutCopy{}, handle)
	c.AddShortcut(&fyne.ShortcutUndo{}, handle)
	c.SetOnTypedKey(func(ev *fyne.KeyEvent) {
		stateOf(c).noticed()
		r.HandleKey(ev)
	})
}

// Handle runs the action of a shortcut and reports whether there was one that did something. Windows
// sends AltGr as Ctrl+Alt, which types a letter, so that combination is never an action.
func (r *Router) Handle(s fyne.Shortcut) bool {
	if _, ok := s.(*fyne.ShortcutCopy); ok {
		return r.cfg.Copy != nil && r.cfg.Copy()
	}
	if _, ok := s.(*fyne.ShortcutUndo); ok {
		return r.cfg.Undo != nil && r.cfg.Undo()
	}
	k, ok := s.(fyne.KeyboardShortcut)
	if !ok {
		return false
	}
	mod := k.Mod()
	if mod&fyne.KeyModifierControl != 0 && mod&fyne.KeyModifierAlt != 0 {
		return false
	}
	return r.run(chord{normal(k.Key()), mod})
}

// HandleKey runs the action of a key without Ctrl or Alt and reports whether there was one that did
// something.
func (r *Router) HandleKey(ev *fyne.KeyEvent) bool {
	var mod fyne.KeyModifier
	if r.cfg.Modifiers != nil {
		mod = r.cfg.Modifiers()
	}
	if mod&fyne.KeyModifierControl != 0 && mod&fyne.KeyModifierAlt != 0 {
		return false
	}
	// Ctrl and Alt arrive as shortcuts; here only Shift tells keys apart.
	return r.run(chord{normal(ev.Name), mod & fyne.KeyModifierShift})
}

// released reports whether a modifier key is known not to be held down.
func (r *Router) released(key fyne.KeyModifier) bool {
	return r.cfg.Modifiers != nil && r.cfg.Modifiers()&key == 0
}

func (r *Router) run(c chord) bool {
	ids := r.byKey[c]
	if len(ids) == 0 || r.cfg.Do == nil {
		return false
	}
	where := ""
	if r.cfg.Context != nil {
		where = r.cfg.Context()
	}
	general := -1
	for _, i := range ids {
		b := &r.bindings[i]
		if slices.Contains(b.Contexts, where) {
			return r.cfg.Do(b.ID)
		}
		if len(b.Contexts) == 0 {
			general = i
		}
	}
	if general < 0 || slices.Contains(r.cfg.Exclusive, where) {
		return false
	}
	return r.cfg.Do(r.bindings[general].ID)
}

func normal(k fyne.KeyName) fyne.KeyName {
	if k == fyne.KeyEnter {
		return fyne.KeyReturn
	}
	return k
}

// namedKeys are the keys every German and Italian keyboard has in one stroke. Letters, digits and
// function keys are allowed beside them; brackets, slashes and quotes are not where Ctrl is held.
var namedKeys = map[string]fyne.KeyName{
	"Up": fyne.KeyUp, "Down": fyne.KeyDown, "Left": fyne.KeyLeft, "Right": fyne.KeyRight,
	"PageUp": fyne.KeyPageUp, "PageDown": fyne.KeyPageDown, "Home": fyne.KeyHome, "End": fyne.KeyEnd,
	"Enter": fyne.KeyReturn, "Return": fyne.KeyReturn, "Escape": fyne.KeyEscape, "Esc": fyne.KeyEscape,
	"Space": fyne.KeySpace, "Tab": fyne.KeyTab, "Delete": fyne.KeyDelete, "Backspace": fyne.KeyBackspace,
	"Insert": fyne.KeyInsert, "Comma": fyne.KeyComma, ",": fyne.KeyComma, "Period": fyne.KeyPeriod,
	"Minus": fyne.KeyMinus, "-": fyne.KeyMinus,
}

func parseChord(s string) (chord, error) {
	var c chord
	parts := strings.Split(s, "+")
	for _, p := range parts[:len(parts)-1] {
		switch p {
		case "Ctrl":
			c.mod |= fyne.KeyModifierShortcutDefault
		case "Alt":
			c.mod |= fyne.KeyModifierAlt
		case "Shift":
			c.mod |= fyne.KeyModifierShift
		default:
			return c, fmt.Errorf("%w: %q has no modifier %q", ErrKeys, s, p)
		}
	}
	if strings.Contains(s, "Ctrl") && strings.Contains(s, "Alt") {
		return c, fmt.Errorf("%w: %q is what AltGr sends on Windows", ErrKeys, s)
	}
	k := parts[len(parts)-1]
	switch {
	case len(k) == 1 && (k[0] >= 'A' && k[0] <= 'Z' || k[0] >= '0' && k[0] <= '9'):
		c.key = fyne.KeyName(k)
	case len(k) >= 2 && k[0] == 'F' && strings.Trim(k[1:], "0123456789") == "" && k != "F0" && len(k) <= 3:
		c.key = fyne.KeyName(k)
	default:
		n, ok := namedKeys[k]
		if !ok {
			return c, fmt.Errorf("%w: %q is not one stroke on a German or Italian keyboard", ErrKeys, s)
		}
		c.key = n
	}
	return c, nil
}

// taken are the keys text entries use themselves.
var taken = map[string]bool{"Ctrl+C": true, "Ctrl+V": true, "Ctrl+X": true, "Ctrl+Z": true, "Ctrl+Y": true, "Ctrl+A": true}

// CheckBindings returns ErrKeys, naming every binding that cannot work: unknown keys, keys that German
// or Italian keyboards lack, Ctrl+Alt, keys of text entries, one key for two actions in one context,
// and one ID twice.
func CheckBindings(bindings []Binding) error {
	var errs []error
	type use struct {
		chord   chord
		context string
	}
	seen, ids := map[use]string{}, map[string]bool{}
	for _, b := range bindings {
		if ids[b.ID] {
			errs = append(errs, fmt.Errorf("%w: action %s is listed twice", ErrKeys, b.ID))
		}
		ids[b.ID] = true
		for _, k := range b.Keys {
			c, err := parseChord(k)
			if err != nil {
				errs = append(errs, fmt.Errorf("action %s: %w", b.ID, err))
				continue
			}
			if taken[k] {
				errs = append(errs, fmt.Errorf("%w: %s belongs to text entries, action %s cannot have it", ErrKeys, k, b.ID))
			}
			contexts := b.Contexts
			if len(contexts) == 0 {
				contexts = []string{""}
			}
			for _, where := range contexts {
				u := use{c, where}
				if other, ok := seen[u]; ok {
					errs = append(errs, fmt.Errorf("%w: %s starts both %s and %s", ErrKeys, k, other, b.ID))
				}
				seen[u] = b.ID
			}
		}
	}
	return errors.Join(errs...)
}
