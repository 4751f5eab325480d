// Command gohandler is a handler in the manner of the Linux handlers written in Go: enable answers at once and leaves a
// process behind that reports its progress, and protected settings are decrypted by the openssl program with the key
// that the agent put beside the handler's folder.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type environment struct {
	Handler struct {
		LogFolder, ConfigFolder, StatusFolder string
	} `json:"handlerEnvironment"`
}

type settings struct {
	Runtime []struct {
		Handler struct {
			Public     map[string]any `json:"publicSettings"`
			Protected  string         `json:"protectedSettings"`
			Thumbprint string         `json:"protectedSettingsCertThumbprint"`
		} `json:"handlerSettings"`
	} `json:"runtimeSettings"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(51)
	}
}

func run(command string) error {
	dir, err := os.Executable()
	if err != nil {
		return err
	}
	dir = filepath.Dir(filepath.Dir(dir))
	var env []environment
	if err := readJSON(filepath.Join(dir, "HandlerEnvironment.json"), &env); err != nil || len(env) != 1 {
		return fmt.Errorf("environment: %v", err)
	}
	seq := os.Getenv("ConfigSequenceNumber")
	log := func(text string) error {
		f, err := os.OpenFile(filepath.Join(env[0].Handler.LogFolder, "gohandler.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = fmt.Fprintln(f, text)
		return err
	}
	switch command {
	case "enable":
		if err := report(env[0].Handler.StatusFolder, seq, "transitioning", "started"); err != nil {
			return err
		}
		child := exec.Command(os.Args[0], "work")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Stdout, child.Stderr = os.Stdout, os.Stderr // as careless handlers do
		if err := child.Start(); err != nil {
			return err
		}
		return log("enable left " + fmt.Sprint(child.Process.Pid))
	case "work":
		message, err := secretMessage(dir, env[0].Handler.ConfigFolder, seq)
		if err != nil {
			return report(env[0].Handler.StatusFolder, seq, "error", err.Error())
		}
		for step := range 3 {
			if err := report(env[0].Handler.StatusFolder, seq, "transitioning", fmt.Sprintf("step %d", step)); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		return report(env[0].Handler.StatusFolder, seq, "success", message)
	}
	return log(command)
}

// secretMessage is the member message of the protected settings.
func secretMessage(dir, config, seq string) (string, error) {
	var s settings
	if err := readJSON(filepath.Join(config, seq+".settings"), &s); err != nil || len(s.Runtime) != 1 {
		return "", fmt.Errorf("settings: %v", err)
	}
	h := s.Runtime[0].Handler
	der, err := base64.StdEncoding.DecodeString(h.Protected)
	if err != nil {
		return "", err
	}
	key := filepath.Join(filepath.Dir(dir), h.Thumbprint)
	cmd := exec.Command("openssl", "cms", "-inform", "DER", "-decrypt", "-recip", key+".crt", "-inkey", key+".prv")
	cmd.Stdin = strings.NewReader(string(der))
	plain, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("openssl: %w", err)
	}
	var protected struct{ Message string }
	err = json.Unmarshal(plain, &protected)
	return protected.Message, err
}

func report(folder, seq, status, message string) error {
	text, err := json.Marshal([]any{map[string]any{"version": 1.0, "timestampUTC": time.Now().UTC().Format(time.RFC3339),
		"status": map[string]any{"operation": "Enable", "status": status, "code": 0,
			"formattedMessage": map[string]string{"lang": "en", "message": message}}}})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, seq+".status")
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(folder, seq+".status"))
}

func readJSON(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}
