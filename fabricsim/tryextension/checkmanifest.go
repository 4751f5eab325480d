package tryextension

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// requiredCommands are the keys without which a handler fails sooner or later, and when.
var requiredCommands = []struct{ key, when string }{
	{"installCommand", "it is installed"}, {"enableCommand", "it is enabled"}, {"updateCommand", "its next version comes"},
	{"disableCommand", "it is updated or removed"}, {"uninstallCommand", "it is updated or removed"},
}

// manifest checks HandlerManifest.json and the commands that it names.
func (c *checker) manifest() {
	name, misspelt := c.manifestName()
	if name == "" && misspelt {
		return // that was said of it
	}
	if name == "" {
		c.add(Error, handler.ManifestFile, 0, "there is no such file in the package", "add it to the top of the package; `fabricsim new-extension` writes an example")
		return
	}
	c.top = path.Dir(name)
	data := c.files[name]
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		c.add(Warning, name, 1, "the file begins with a byte order mark", "save it as UTF-8 without BOM")
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	var list []struct {
		Handler map[string]json.RawMessage `json:"handlerManifest"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		line, problem := jsonProblem(data, err)
		fix := `write [{"handlerManifest": {...}}], an array of one object`
		if !json.Valid(data) {
			fix = "mend the JSON there or just before: a comma, a quote or a bracket is missing or too many"
		}
		c.add(Error, name, line, problem, fix)
		return
	}
	if len(list) != 1 || list[0].Handler == nil {
		c.add(Error, name, 0, "there must be one element with a handlerManifest", `write [{"handlerManifest": {...}}]`)
		return
	}
	c.keys(name, list[0].Handler)
}

// manifestName finds the manifest where the agent does, and says so when shims will not find their folder there, and of a
// file that is misspelt.
func (c *checker) manifestName() (name string, misspelt bool) {
	if _, ok := c.files[handler.ManifestFile]; ok {
		return handler.ManifestFile, false
	}
	for name := range c.files {
		if path.Base(name) == handler.ManifestFile {
			c.add(Error, name, 0, "the manifest is not at the top of the package, so commands are looked for in the wrong folder",
				"zip from inside the folder: (cd "+path.Dir(name)+" && zip -r ../package.zip .)")
			return name, misspelt
		}
		if strings.EqualFold(path.Base(name), handler.ManifestFile) {
			c.add(Error, name, 0, "the name differs from "+handler.ManifestFile+" in case", "rename it")
			misspelt = true
		}
	}
	return "", misspelt
}

// jsonProblem says on which line a JSON error is.
func jsonProblem(data []byte, err error) (int, string) {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(-1)
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	} else if errors.As(err, &kind) {
		offset = kind.Offset
	}
	if offset < 0 {
		return 0, err.Error()
	}
	line := 1 + bytes.Count(data[:min(int(offset), len(data))], []byte("\n"))
	if kind != nil {
		return line, kindProblem(kind)
	}
	return line, err.Error()
}

// kindProblem says in JSON's words what is there in place of what.
func kindProblem(err *json.UnmarshalTypeError) string {
	what := "this"
	if i := strings.LastIndexByte(err.Field, '.'); err.Field != "" {
		what = err.Field[i+1:]
	}
	want := "an object"
	if err.Type.Kind() == reflect.Slice {
		want = "an array"
	}
	got := "a " + err.Value
	if strings.HasPrefix(err.Value, "o") || strings.HasPrefix(err.Value, "a") {
		got = "an " + err.Value
	}
	return what + " is " + got + ", not " + want
}

// switches are the keys that are true or false.
var switches = []string{"reportHeartbeat", "rebootAfterInstall", "continueOnUpdateFailure", "supportsMultipleExtensions"}

func (c *checker) keys(file string, keys map[string]json.RawMessage) {
	for _, r := range requiredCommands {
		raw, there := keys[r.key]
		var line string
		switch {
		case !there:
			c.add(Error, file, 0, r.key+" is missing, and will be missed when "+r.when, c.missingKeyFix(keys, r.key))
		case json.Unmarshal(raw, &line) != nil || strings.TrimSpace(line) == "":
			c.add(Error, file, keyLine(c.files[file], r.key), r.key+" is not a command line", `write "bin/program `+strings.TrimSuffix(r.key, "Command")+`"`)
		default:
			c.command(file, keyLine(c.files[file], r.key), r.key, line)
		}
	}
	for _, key := range switches {
		if raw, there := keys[key]; there && !slices.Contains([]string{"true", "false"}, string(raw)) {
			c.add(Warning, file, keyLine(c.files[file], key), fmt.Sprintf("%s is %s, not true or false", key, raw), "write true or false, without quotes")
		}
	}
	if raw, there := keys["updateMode"]; there {
		var mode string
		if json.Unmarshal(raw, &mode) != nil || !strings.EqualFold(mode, "UpdateWithInstall") && !strings.EqualFold(mode, "UpdateWithoutInstall") {
			c.add(Warning, file, keyLine(c.files[file], "updateMode"), fmt.Sprintf("updateMode %s is taken for UpdateWithoutInstall", raw),
				"write UpdateWithInstall or UpdateWithoutInstall")
		}
	}
}

// missingKeyFix notices a key that is there in another case.
func (c *checker) missingKeyFix(keys map[string]json.RawMessage, key string) string {
	for k := range keys {
		if strings.EqualFold(k, key) {
			return fmt.Sprintf("spell %s as %s", k, key)
		}
	}
	return `add "` + key + `": "bin/program ` + strings.TrimSuffix(key, "Command") + `"; a command that does nothing must still exit 0`
}

// keyLine is the line of a key of a JSON object.
func keyLine(data []byte, key string) int { return lineOf(data, `"`+key+`"`) }

// lineOf is the line on which a text stands first, 0 if it stands nowhere.
func lineOf(data []byte, text string) int {
	i := bytes.Index(data, []byte(text))
	if i < 0 {
		return 0
	}
	return 1 + bytes.Count(data[:i], []byte("\n"))
}

var versionNumbers = regexp.MustCompile(`^\d+(\.\d+){0,3}$`)

// image checks manifest.xml, which publishing needs and the agent does not.
func (c *checker) image() {
	data, ok := c.files["manifest.xml"]
	if !ok {
		data, ok = c.files[path.Join(c.top, "manifest.xml")]
	}
	if !ok {
		c.add(Warning, "manifest.xml", 0, "there is no such file, which publishing an extension needs", "`fabricsim new-extension` writes an example")
		return
	}
	var doc struct {
		XMLName   xml.Name
		Namespace string `xml:"ProviderNameSpace"`
		Type      string `xml:"Type"`
		Version   string `xml:"Version"`
	}
	if err := xml.Unmarshal(data, &doc); err != nil {
		line := 0
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			line, err = syntax.Line, errors.New("this is no XML: "+syntax.Msg)
		}
		c.add(Error, "manifest.xml", line, err.Error(), "mend the XML")
		return
	}
	for _, e := range []struct{ name, value string }{
		{"ProviderNameSpace", doc.Namespace}, {"Type", doc.Type}, {"Version", doc.Version},
	} {
		if strings.TrimSpace(e.value) == "" {
			c.add(Warning, "manifest.xml", 0, e.name+" is empty", "name it: the handler is <ProviderNameSpace>.<Type>, its version has up to four numbers")
		}
	}
	if v := strings.TrimSpace(doc.Version); v != "" && !versionNumbers.MatchString(v) {
		c.add(Error, "manifest.xml", lineOf(data, "<Version>"), "the version "+v+" is not one to four numbers with dots between", "write 1.0.0")
	}
}
