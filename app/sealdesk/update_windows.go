package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemVersion is Windows' own version, such as 10.0.22631.
func systemVersion() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}

// mayInstall reports whether this process has the rights of an administrator.
func mayInstall() bool { return windows.GetCurrentProcessToken().IsElevated() }

// updateRoom is a folder below the program's own, where only administrators may write.
func updateRoom() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(program), "updates")
	return dir, os.MkdirAll(dir, 0o700)
}

// noRoom reports whether an error means that a disk is full.
func noRoom(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// trustFile asks Windows whether a file is signed by somebody the machine trusts (Authenticode, WinVerifyTrust).
func trustFile(file string) error {
	name, err := windows.UTF16PtrFromString(file)
	if err != nil {
		return err
	}
	info := &windows.WinTrustFileInfo{FilePath: name}
	info.Size = uint32(unsafe.Sizeof(*info))
	data := &windows.WinTrustData{
		UIChoice: windows.WTD_UI_NONE, RevocationChecks: windows.WTD_REVOKE_WHOLECHAIN, UnionChoice: windows.WTD_CHOICE_FILE,
		StateAction: windows.WTD_STATEACTION_VERIFY, FileOrCatalogOrBlobOrSgnrOrCert: unsafe.Pointer(info),
	}
	data.Size = uint32(unsafe.Sizeof(*data))
	verdict := windows.WinVerifyTrustEx(windows.InvalidHWND, &windows.WINTRUST_ACTION_GENERIC_VERIFY_V2, data)
	data.StateAction = windows.WTD_STATEACTION_CLOSE
	windows.WinVerifyTrustEx(windows.InvalidHWND, &windows.WINTRUST_ACTION_GENERIC_VERIFY_V2, data)
	if verdict != nil {
		return errors.Join(errUntrusted, verdict)
	}
	return nil
}
