package history_test

import (
	"archive/zip"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/history"
	"github.com/waagent-go/waagent/agent/internal/host"
)

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func run(t *testing.T, story func(t *testing.T, h *history.History, dir string)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		story(t, &history.History{Files: host.Files{Root: root}, Dir: "/", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, filepath.Join(root, "history"))
	})
}

func TestEveryGoalStateHasAFolderAndOldOnesArePacked(t *testing.T) {
	run(t, func(t *testing.T, h *history.History, dir string) {
		h.Add("lost.xml", nil) // before the first goal state
		h.Keep("1", "GoalState.xml", []byte("<GoalState/>"))
		h.Keep("1", "SharedConfig.xml", []byte("<SharedConfig/>"))
		h.Add("Contoso.A.manifest.xml", []byte("<m/>"))
		h.Status([]byte("{}"))
		h.Status([]byte(`{"a":1}`))
		assert.DeepEqual(t, names(t, dir), []string{"2000-01-01T00-00-00__1"})
		first := filepath.Join(dir, "2000-01-01T00-00-00__1")
		assert.DeepEqual(t, names(t, first), []string{"Contoso.A.manifest.xml", "GoalState.xml", "SharedConfig.xml", "waagent_status.json"})
		info, err := os.Stat(first)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o700))

		time.Sleep(time.Minute)
		h.Keep(`1-"ab/c"`, "VmSettings.json", []byte("{}"))
		assert.DeepEqual(t, names(t, dir), []string{"2000-01-01T00-00-00__1.zip", "2000-01-01T00-01-00__1-_ab_c_"})
		z, err := zip.OpenReader(first + ".zip")
		assert.NilError(t, err)
		defer z.Close()
		assert.Equal(t, len(z.File), 4)
		r, err := z.File[3].Open()
		assert.NilError(t, err)
		data, err := io.ReadAll(r)
		assert.NilError(t, err)
		assert.Equal(t, string(data), `{"a":1}`)
	})
}

func TestFiftyEntriesAreKept(t *testing.T) {
	run(t, func(t *testing.T, h *history.History, dir string) {
		assert.NilError(t, os.MkdirAll(filepath.Join(dir, "somebody's"), 0o700))
		for i := range 60 {
			h.Keep(fmt.Sprint(i), "GoalState.xml", nil)
			time.Sleep(time.Second)
		}
		list := names(t, dir)
		assert.Equal(t, len(list), 51)
		assert.Equal(t, list[0], "2000-01-01T00-00-10__10.zip")
		assert.Equal(t, list[49], "2000-01-01T00-00-59__59")
	})
}

func TestTheHistoryHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"ExtensionsConfig.xml": {
			`<E><RuntimeSettings>{"protectedSettings":"SECRET/x==","a":1}</RuntimeSettings><X>{&quot;protectedSettings&quot;: &quot;SECRET&quot;}</X><StatusUploadBlob statusBlobType="B">https://s/b?sv=1&amp;sig=SECRET</StatusUploadBlob><InVMArtifactsProfileBlob>http://s/p?token=SECRET</InVMArtifactsProfileBlob></E>`,
			`<E><RuntimeSettings>{"protectedSettings":"***REDACTED***","a":1}</RuntimeSettings><X>{&quot;protectedSettings&quot;: &quot;***REDACTED***&quot;}</X><StatusUploadBlob statusBlobType="B">https://s/b?***REDACTED***</StatusUploadBlob><InVMArtifactsProfileBlob>http://s/p?***REDACTED***</InVMArtifactsProfileBlob></E>`,
		},
		"VmSettings.json": {
			`{"statusUploadBlob":{"value":"https://s/b?x=SECRET"},"settings":[{"ProtectedSettings" : "SECRET"}],"n":9007199254740993}`,
			`{"statusUploadBlob":{"value":"https://s/b?***REDACTED***"},"settings":[{"ProtectedSettings" : "***REDACTED***"}],"n":9007199254740993}`,
		},
		"VmSettings.json 2": {
			`{"statusUploadBlob":{"statusBlobType":"B","value":"https:\/\/s\/b\u003Fx=SECRET\u002B"},"a":{"protectedSettings":"SECRET\u002BSECRET\/=="},"u":"https:\/\/s\/p?sv=1\u0026sig=SECRET"}`,
			`{"statusUploadBlob":{"statusBlobType":"B","value":"https:\/\/s\/b\u003F***REDACTED***"},"a":{"protectedSettings":"***REDACTED***"},"u":"https:\/\/s\/p?<redacted>"}`,
		},
		"RemoteAccess.xml":       {"<U><Name>a</Name><Password>SECRET\n==</Password></U>", "<U><Name>a</Name><Password>***REDACTED***</Password></U>"},
		"Contoso.A.manifest.xml": {"<Uri>https://s/p.zip?sv=1&amp;sig=SECRET</Uri>", "<Uri>https://s/p.zip?<redacted></Uri>"},
		"no query":               {"<StatusUploadBlob>http://s/b</StatusUploadBlob>", "<StatusUploadBlob>http://s/b</StatusUploadBlob>"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, h *history.History, dir string) {
				file, _, _ := strings.Cut(name, " ")
				h.Keep("1", file, []byte(c.in))
				data, err := os.ReadFile(filepath.Join(dir, "2000-01-01T00-00-00__1", file))
				assert.NilError(t, err)
				assert.Equal(t, string(data), c.want)
			})
		})
	}
}
