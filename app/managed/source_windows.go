package managed

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const registryPath = `SOFTWARE\Policies\Sealdesk\Sealdesk`

// installerPath is where the installer puts the relay it was told of (packaging/windows), for machines whose policy names none.
const installerPath = `SOFTWARE\Sealdesk`

// Place is where this system keeps the policy, as an administrator calls it. Only the machine's counts: a person may write
// to the policies of the user.
const Place = `HKLM\` + registryPath

// System is where Windows keeps policies: values of a key of the registry, and a sub-key with numbered values for each list.
func System() Source { return hive{} }

type hive struct{}

// access is the 64-bit view, whatever the program is (Microsoft, "Accessing an Alternate Registry View").
const access = registry.QUERY_VALUE | registry.ENUMERATE_SUB_KEYS | registry.WOW64_64KEY

// Read implements [Source].
func (hive) Read() ([]Raw, error) {
	raws, err := readLists(registryPath)
	if err == nil && !slices.ContainsFunc(raws, func(r Raw) bool { return r.Key == string(RelayURL) || r.Key == string(RelayPin) }) {
		var start []Raw
		start, err = readLists(installerPath)
		for _, r := range start {
			if r.Key == string(RelayURL) || r.Key == string(RelayPin) {
				raws = append(raws, r)
			}
		}
	}
	if err != nil {
		return nil, broken(Problem{Place: Place, Why: "cannot be read"})
	}
	return raws, nil
}

// readLists reads the values of a key, and each sub-key as a list.
func readLists(path string) ([]Raw, error) {
	return readKey(path, `HKLM\`+path, func(sub string) ([]Raw, error) {
		place := `HKLM\` + path + `\` + sub
		items, err := readKey(path+`\`+sub, place, nil)
		if err != nil {
			return nil, err
		}
		return []Raw{registered(place, sub, numbered(items))}, nil
	})
}

// readKey reads the values of a key, and hands its sub-keys on.
func readKey(path, place string, inner func(sub string) ([]Raw, error)) ([]Raw, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, access)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer key.Close()
	names, err := key.ReadValueNames(0)
	if err != nil {
		return nil, err
	}
	var raws []Raw
	for _, name := range names {
		if name == "" {
			continue // the key's own, which nobody reads
		}
		value, err := readValue(key, name)
		if err != nil {
			return nil, err
		}
		raws = append(raws, registered(place, name, value))
	}
	if inner == nil {
		return raws, nil
	}
	subs, err := key.ReadSubKeyNames(0)
	if err != nil {
		return nil, err
	}
	for _, sub := range subs {
		more, err := inner(sub)
		if err != nil {
			return nil, err
		}
		raws = append(raws, more...)
	}
	return raws, nil
}

// readValue reads a value of a kind policies use; of any other it returns nil, which no key takes.
func readValue(key registry.Key, name string) (any, error) {
	_, kind, err := key.GetValue(name, nil)
	if err != nil && !errors.Is(err, registry.ErrShortBuffer) {
		return nil, err
	}
	switch kind {
	case registry.SZ, registry.EXPAND_SZ:
		s, _, err := key.GetStringValue(name)
		return s, err
	case registry.DWORD, registry.QWORD:
		n, _, err := key.GetIntegerValue(name)
		return n, err
	case registry.MULTI_SZ:
		list, _, err := key.GetStringsValue(name)
		return list, err
	}
	return nil, nil
}

// Next implements [Source] (Win32, RegNotifyChangeKeyValue). A key that is not there yet cannot tell; it is looked for again.
func (hive) Next(ctx context.Context) <-chan struct{} {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, registryPath, registry.NOTIFY|registry.WOW64_64KEY)
	if err != nil {
		return nil
	}
	changed, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		key.Close()
		return nil
	}
	over, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		key.Close()
		windows.CloseHandle(changed)
		return nil
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { windows.SetEvent(over) })
	go func() {
		defer close(told)
		runtime.LockOSThread() // the notification goes with the thread that asked for it
		defer runtime.UnlockOSThread()
		defer key.Close()
		defer windows.CloseHandle(changed)
		const what = windows.REG_NOTIFY_CHANGE_NAME | windows.REG_NOTIFY_CHANGE_LAST_SET
		if windows.RegNotifyChangeKeyValue(windows.Handle(key), true, what, changed, true) == nil {
			windows.WaitForMultipleObjects([]windows.Handle{changed, over}, false, windows.INFINITE)
		} else {
			windows.WaitForSingleObject(over, windows.INFINITE)
		}
		if stop() {
			windows.CloseHandle(over)
		}
	}()
	return told
}
