package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/ovfgen"
)

// ovf runs the command and returns all that it answers.
func ovf(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func TestHelpIsTheHelpText(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-help"}, {"-h"}, {"inspect", "--help"}} {
		code, stdout, stderr := ovf("", args...)
		assert.Equal(t, code, 0)
		assert.Equal(t, stderr, "")
		golden.Assert(t, stdout, "help.golden")
	}
}

func TestExampleIsASpec(t *testing.T) {
	t.Parallel()
	code, stdout, _ := ovf("", "example")
	assert.Equal(t, code, 0)
	_, err := ovfgen.Parse([]byte(stdout))
	assert.NilError(t, err)
	golden.Assert(t, stdout, "example.golden")
}

func TestADiscIsWrittenAndInspected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec, image := filepath.Join(dir, "spec.yaml"), filepath.Join(dir, "dvd.iso")
	assert.NilError(t, os.WriteFile(spec, []byte("hostname: web01\nuser: alice\npassword: s3cret\n"), 0o600))
	for _, args := range [][]string{{"-o", image, spec}, {spec, "-format=bridge", "-o", image, "-label", "other"}} {
		code, stdout, stderr := ovf("", args...)
		assert.Equal(t, code, 0, stderr)
		assert.Equal(t, stdout+stderr, "")
	}
	info, err := os.Stat(image)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 2) // no temporary file

	code, stdout, _ := ovf("", "inspect", image)
	assert.Equal(t, code, 0)
	golden.Assert(t, stdout, "inspect.golden")
	code, stdout, _ = ovf("", "inspect", image, "-show-secrets")
	assert.Equal(t, code, 0)
	assert.Assert(t, strings.Contains(stdout, "\npassword: s3cret\n"))
}

func TestADashIsTheStandardStreams(t *testing.T) {
	t.Parallel()
	code, image, _ := ovf("user: bob\n", "-o", "-", "-")
	assert.Equal(t, code, 0)
	code, spec, _ := ovf(image, "inspect", "-")
	assert.Equal(t, code, 0)
	assert.Assert(t, strings.Contains(spec, "user: bob\n"))
}

func TestMistakesHaveTheirCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "an operand is missing"},
		{"-o x", 2, "an operand is missing"},
		{"spec.yaml", 2, "where to? -o names the image"},
		{"-o x a b", 2, `unexpected operand "b"`},
		{"-o x -show-secrets a", 2, "-show-secrets belongs to inspect"},
		{"inspect", 2, "inspect takes one disc"},
		{"inspect -o x y", 2, "inspect takes one disc"},
		{"example -show-secrets", 2, "example takes nothing"},
		{"-nope", 2, "not defined: -nope"},
		{"-o x /nowhere/spec", 1, "/nowhere/spec"},
		{"inspect /nowhere/disc", 1, "/nowhere/disc"},
		{"inspect -", 1, "-: neither UDF nor ISO 9660"},
		{"-o /nowhere/x -", 1, "no such file"},
		{"-o - -format fat -", 1, `format "fat" is none of`},
	} {
		code, stdout, stderr := ovf("user: a", strings.Fields(c.args)...)
		assert.Equal(t, code, c.code, c.args)
		assert.Equal(t, stdout, "", c.args)
		assert.Assert(t, strings.Contains(stderr, c.want), "%s: %s", c.args, stderr)
	}
	code, _, stderr := ovf("usr: a", "-o", "-", "-")
	assert.Equal(t, code, 1)
	assert.Equal(t, stderr, "ovfgen: -: spec: line 1: unknown field \"usr\"\n")
}
