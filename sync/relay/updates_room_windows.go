package relay

import "golang.org/x/sys/windows"

// roomOn is how many bytes may be written on the disk of a folder.
func roomOn(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return int64(free), err
}
