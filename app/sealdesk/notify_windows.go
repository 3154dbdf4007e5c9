package main

import (
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"unicode/utf16"

	"sealdesk/ui"
)

// toastScript shows a toast. It is the same every time: the words come in through the environment, so that no text can ever
// become a part of the script, and nothing is written to disk.
const toastScript = `$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$template = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$texts = $template.GetElementsByTagName('text')
$null = $texts[0].AppendChild($template.CreateTextNode($env:SEALDESK_TITLE))
$null = $texts[1].AppendChild($template.CreateTextNode($env:SEALDESK_TEXT))
if ($env:SEALDESK_SILENT) {
  $audio = $template.CreateElement('audio')
  $audio.SetAttribute('silent', 'true')
  $null = $template.SelectSingleNode('/toast').AppendChild($audio)
}
$toast = [Windows.UI.Notifications.ToastNotification]::new($template)
$toast.Tag = 'message'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($env:SEALDESK_APP).Show($toast)`

// notifier shows notifications as toasts of Windows.
func notifier(log *slog.Logger) func(ui.Notice) {
	var script []byte
	for _, r := range utf16.Encode([]rune(toastScript)) {
		script = binary.LittleEndian.AppendUint16(script, r)
	}
	encoded := base64.StdEncoding.EncodeToString(script)
	return func(n ui.Notice) {
		go func() {
			cmd := exec.Command("powershell.exe", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded)
			cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true}
			cmd.Env = append(os.Environ(), "SEALDESK_TITLE="+n.Title, "SEALDESK_TEXT="+n.Text, "SEALDESK_APP="+AppID)
			if !n.Sound {
				cmd.Env = append(cmd.Env, "SEALDESK_SILENT=1")
			}
			if err := cmd.Run(); err != nil {
				log.Warn("notification not shown", "error", err)
			}
		}()
	}
}
