package tryextension

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// command checks that a command line of the manifest leads to a program in the package.
func (c *checker) command(file string, line int, key, command string) {
	fields := strings.Fields(command)
	program := unpackedName(fields[0])
	switch {
	case strings.Contains(fields[0], `\`):
		c.add(Error, file, line, fmt.Sprintf("%s: %s has backslashes", key, fields[0]), "write forward slashes")
		return
	case slices.Contains([]string{".exe", ".cmd", ".bat", ".ps1"}, strings.ToLower(path.Ext(program))):
		c.add(Error, file, line, fmt.Sprintf("%s: %s is a program for Windows", key, fields[0]), "name a script or a program for Linux")
		return
	}
	if _, ok := c.files[program]; ok {
		return
	}
	if _, ok := c.files[path.Join(c.top, program)]; ok {
		return // that the manifest is in the wrong folder was said of it
	}
	fix := "add the file, or mend the name"
	for name := range c.files {
		if strings.EqualFold(name, program) {
			fix = "the package has " + name + ": spell it the same"
		}
	}
	if !strings.Contains(program, "/") && slices.Contains([]string{"python", "python3", "bash", "sh", "perl", "node"}, program) {
		fix = "commands are files of the package: put a script in it that begins with #!, and name that"
	}
	c.add(Error, file, line, fmt.Sprintf("%s: there is no file %s in the package", key, program), fix)
}

// interpreters are those that every Linux image on Azure has, or that only some have and why.
var interpreters = map[string]string{
	"/bin/sh":             "",
	"/bin/bash":           "",
	"/usr/bin/bash":       "",
	"/usr/bin/sh":         "",
	"/usr/bin/env":        "",
	"/usr/bin/python":     "is Python 2 where it exists, and does not exist on current distributions",
	"/usr/bin/python2":    "does not exist on current distributions",
	"/usr/bin/python2.7":  "does not exist on current distributions",
	"/usr/bin/python3":    "is not on every image: minimal ones and Flatcar have none",
	"/usr/bin/perl":       "is not on every image",
	"/usr/local/bin/bash": "exists on FreeBSD only",
}

// script checks a file that is, or should be, run by an interpreter.
func (c *checker) script(name string, data []byte) {
	rest, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	if !bytes.HasPrefix(rest, []byte("#!")) {
		c.unmarked(name, data)
		return
	}
	if marked {
		c.add(Error, name, 1, "a byte order mark stands before #!, so the kernel does not see it", "save the file as UTF-8 without BOM")
	}
	first, _, _ := bytes.Cut(rest, []byte("\n"))
	if i := bytes.Index(rest, []byte("\r\n")); i >= 0 {
		line := 1 + bytes.Count(rest[:i], []byte("\n"))
		c.add(Error, name, line, fmt.Sprintf("the lines end in CR LF, as on Windows; the interpreter asked for is %q", firstWord(first)+crMark(first)),
			"sed -i 's/\\r$//' "+name)
	}
	c.interpreter(name, string(bytes.TrimRight(first, "\r")))
	if i := bytes.Index(rest, []byte("/usr/sbin/waagent")); i >= 0 {
		c.add(Warning, name, 1+bytes.Count(rest[:i], []byte("\n")), "/usr/sbin/waagent is not a Python module on every image",
			"do not import the agent: use HandlerEnvironment.json and the settings")
	}
}

func firstWord(line []byte) string {
	fields := bytes.Fields(bytes.TrimPrefix(line, []byte("#!")))
	if len(fields) == 0 {
		return ""
	}
	return string(fields[0])
}

func crMark(line []byte) string {
	if bytes.HasSuffix(line, []byte("\r")) {
		return "^M"
	}
	return ""
}

func (c *checker) interpreter(name, line string) {
	fields := strings.Fields(strings.TrimPrefix(line, "#!"))
	if len(fields) == 0 {
		c.add(Error, name, 1, "#! names no interpreter", "write #!/bin/sh")
		return
	}
	program := fields[0]
	if program == "/usr/bin/env" && len(fields) > 1 {
		if why := interpreters["/usr/bin/"+fields[1]]; why != "" {
			c.add(Warning, name, 1, fields[1]+" "+why, interpreterFix)
		}
		return
	}
	why, known := interpreters[program]
	_, inside := c.files[unpackedName(program)]
	switch {
	case !strings.HasPrefix(program, "/"):
		c.add(Error, name, 1, fmt.Sprintf("the interpreter %s is not an absolute path", program), "write #!/bin/sh or #!/usr/bin/env "+path.Base(program))
	case !known && !inside:
		c.add(Warning, name, 1, fmt.Sprintf("the interpreter %s is on no common image", program), interpreterFix)
	case why != "":
		c.add(Warning, name, 1, program+" "+why, interpreterFix)
	}
}

const interpreterFix = "use #!/bin/sh, ship the interpreter or a static binary, or look for an interpreter in a #!/bin/sh wrapper"

// unmarked checks a file without #!: a command that the kernel cannot start is tried by the shell, which is luck.
func (c *checker) unmarked(name string, data []byte) {
	isScript := slices.Contains([]string{".sh", ".bash"}, path.Ext(name))
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		c.elf(name, data)
	case bytes.HasPrefix(data, []byte("MZ")) && path.Dir(name) == "bin":
		c.add(Warning, name, 0, "this is a program for Windows", "leave it out")
	case isScript:
		c.add(Warning, name, 1, "the script does not begin with #!", "write #!/bin/sh as its first line")
		if bytes.Contains(data, []byte("\r\n")) {
			c.add(Error, name, 1, "the lines end in CR LF, as on Windows", "sed -i 's/\\r$//' "+name)
		}
	}
}

// elf checks a program's machine.
func (c *checker) elf(name string, data []byte) {
	if len(data) < 20 {
		c.add(Error, name, 0, "the program is cut short", "build it again")
		return
	}
	machines := map[uint16]string{0x3e: "amd64", 0xb7: "arm64"}
	if _, ok := machines[uint16(data[18])|uint16(data[19])<<8]; !ok {
		c.add(Error, name, 0, "the program is for neither amd64 nor arm64", "build it for the VMs it is to run on")
	}
}
