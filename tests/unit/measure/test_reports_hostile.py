"""Reports that are broken, or made to break their reader."""

from __future__ import annotations

import pytest

from runner.measure.reports import Format, Report, Status, read_report


def junit(text: str | bytes, encoding: str = "utf-8") -> Report:
    return read_report(Format.JUNIT, [text if isinstance(text, bytes) else text.encode(encoding)])


def told(report: Report) -> list[tuple[str, str]]:
    return [(case.status.value, case.name) for case in report.cases]


CASE = '<testcase classname="c" name="n"/>'


class TestXml:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "ends in the middle, or is empty"),
            ("\n \n", "ends in the middle, or is empty"),
            ("<testsuite>", "ends in the middle, or is empty"),
            (f"<testsuite>{CASE}<testcase", "ends in the middle, or is empty"),
            (f"<testsuite>{CASE}<![CDATA[x", "ends in the middle, or is empty"),
            ("no XML at all", "is no XML at line 1: syntax error"),
            ("<testsuite><a></b></testsuite>", "is no XML at line 1: mismatched tag"),
            (f"<testsuite>{CASE} Tom & Jerry", "is no XML at line 1: not well-formed (invalid token)"),
            (f"<testsuite>{CASE}</testsuite> and more", "is no XML at line 1: syntax error"),
            ("<html><body/></html>", "is no JUnit XML: it begins with <html>"),
            (f"<TestRun>{CASE}</TestRun>", "is no JUnit XML: it begins with <TestRun>"),
            ("<testsuite><testcase><testcase/></testcase></testsuite>", "has a test case within a test case"),
            ("<testsuite>" + "<a>" * 100, "is nested deeper than 100 elements"),
            ("<?xml version='1.0' encoding='zlib_codec'?><testsuite/>", "is in the encoding 'zlib_codec', which isn't read"),
            ("<?xml version='1.0' encoding='punycode'?><testsuite/>", "is in the encoding 'punycode', which isn't read"),
            ("<?xml version='1.0' encoding='klingon'?><testsuite/>", "is in the encoding 'klingon', which isn't read"),
        ],
    )  # fmt: skip
    def test_problems(self, text: str, problem: str) -> None:
        report = junit(text)
        assert report.problem == problem
        assert told(report) == ([("passed", "c > n")] if CASE in text and "Run" not in text else [])
        assert not report.truncated

    @pytest.mark.parametrize(
        "declaration",
        [
            '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE t SYSTEM "http://example.com/t.dtd">',
            "<!DOCTYPE testsuite>",
        ],
    )
    def test_no_document_type_no_entity(self, declaration: str) -> None:
        report = junit(
            f'<?xml version="1.0"?>{declaration}<testsuite><testcase name="&b;"/></testsuite>'
        )
        assert report == Report((), "has a document type declaration, which no test report needs")

    def test_an_undeclared_entity(self) -> None:
        assert (
            junit("<testsuite>&nbsp;</testsuite>").problem
            == "is no XML at line 1: undefined entity"
        )

    @pytest.mark.parametrize(
        "data",
        [
            '<testsuite><testcase name="é"/></testsuite>'.encode(),
            b"\xef\xbb\xbf" + '<testsuite><testcase name="é"/></testsuite>'.encode(),
            '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite><testcase name="é"/></testsuite>'.encode("latin-1"),
            '<?xml version="1.0" encoding="windows-1252"?><testsuite><testcase name="é"/></testsuite>'.encode("cp1252"),
            '<?xml version="1.0" encoding="UTF-16"?><testsuite><testcase name="é"/></testsuite>'.encode("utf-16"),
            '<testsuite><testcase name="é"/></testsuite>'.encode("utf-16-le"),
            '<testsuite><testcase name="é"/></testsuite>'.encode("utf-16-be"),
            '<?xml version="1.0" encoding="utf-16"?><testsuite><testcase name="é"/></testsuite>'.encode(),
        ],
    )  # fmt: skip
    def test_encodings(self, data: bytes) -> None:
        for size in (1, 7, len(data)):
            report = read_report(
                Format.JUNIT, [data[at : at + size] for at in range(0, len(data), size)]
            )
            assert (report.problem, told(report)) == ("", [("passed", "é")])

    @pytest.mark.parametrize(
        ("data", "name"),
        [
            (b'<testsuite><testcase name="a\xff\xc3b"/></testsuite>', "a��b"),
            (b'<testsuite><testcase name="a\0\x01\x1b[31mb\x1b[0m"/></testsuite>', "a��b"),
            (b'<testsuite><testcase name="a&#0;&#x1B;[31mb&#xD800;&#1114112;"/></testsuite>', "a�b��"),
            (b'<testsuite><testcase name="a&#x202E;b&#10;c"/></testsuite>', "a�b c"),
            (b'<testsuite><testcase name=""/></testsuite>', "(unnamed)"),
            (b"<testsuite><testcase/></testsuite>", "(unnamed)"),
        ],
    )  # fmt: skip
    def test_characters_that_xml_does_not_have(self, data: bytes, name: str) -> None:
        for size in (1, 2, 3, len(data)):
            report = read_report(
                Format.JUNIT, [data[at : at + size] for at in range(0, len(data), size)]
            )
            assert (report.problem, told(report)) == ("", [("passed", name)])

    def test_several_documents(self) -> None:
        document = '<?xml version="1.0"?>\n<testsuite name="s">' + CASE + "</testsuite>\n"
        report = junit(f"{document}\ufeff{document}<testsuites>{CASE}</testsuites>")
        assert not report.problem
        assert [name for _, name in told(report)] == ["s > c > n", "s > c > n #2", "c > n"]

    def test_a_document_that_is_cut_and_followed_by_another(self) -> None:
        report = junit(f'<testsuite>{CASE}\n<?xml version="1.0"?><testsuite>{CASE}</testsuite>')
        assert report.problem.startswith("is no XML at line 2")

    def test_names_that_look_like_the_number_of_a_repetition(self) -> None:
        names = ["a", "a #2", "a", "a", "a #2"]
        report = junit(
            "<testsuite>" + "".join(f'<testcase name="{n}"/>' for n in names) + "</testsuite>"
        )
        assert [name for _, name in told(report)] == ["a", "a #2", "a #3", "a #4", "a #2 #2"]

    def test_long_names_differ_by_their_ends(self) -> None:
        cases = "".join(f'<testcase name="{"x" * 5000}{end}"/>' for end in "ab")
        one, other = (case.name for case in junit(f"<testsuite>{cases}</testsuite>").cases)
        assert one != other
        assert len(one) == len(other) < 310
        assert junit(f"<testsuite>{cases}</testsuite>").cases[1].name == other

    @pytest.mark.parametrize(
        ("inner", "status"),
        [
            ("<skipped/><failure/>", Status.FAILED),
            ("<failure/><skipped/>", Status.FAILED),
            ("<error/><failure/>", Status.ERROR),
            ('<skipped type="todo"/><failure/>', Status.SKIPPED),
            ('<failure/><skipped type="todo"/>', Status.SKIPPED),
            ("<x:error xmlns:x='urn:x'/>", Status.ERROR),
            ("<system-out>&lt;failure/&gt;</system-out>", Status.PASSED),
            ("<rerunFailure/>", Status.PASSED),
        ],
    )
    def test_verdicts(self, inner: str, status: Status) -> None:
        (case,) = junit(f"<testsuite><testcase name='a'>{inner}</testcase></testsuite>").cases
        assert case.status is status


class TestJson:
    def jest(self, text: str) -> Report:
        return read_report(Format.JEST_JSON, [text.encode("utf-8", "surrogatepass")])

    def file(self, test: str) -> str:
        return '{"testResults":[{"name":"f","assertionResults":[' + test + "]}]}"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "has no JSON object in it, or is empty"),
            ("[]", "has no JSON object in it, or is empty"),
            ("{}", "is another JSON than was expected: it has no 'testResults'"),
            ('{"tests":[]}', "is another JSON than was expected: it has no 'testResults'"),
            ('{"testResults":[', "ends in the middle"),
            ('{"testResults":["x', "ends in the middle of a string"),
            ('{"testResults":[1,]}', "is no JSON: a comma before the end of an array"),
            ('{"testResults":[],}', "is no JSON: a comma before the end of an object"),
            ('{"testResults":[1 2]}', "is no JSON: '2' after an element"),
            ('{"testResults":NaN}', "is no JSON: 'NaN'"),
            ('{"testResults":[Infinity]}', "is no JSON: 'Infinity'"),
            ('{testResults:[]}', "is no JSON: 'testResults' in place of a key"),
            ('{"testResults" []}', "is no JSON: '[' in place of ':'"),
            ('{"testResults":["\\q"]}', "is no JSON: a string has an escape that there isn't"),
            ('{"testResults":[],"testResults":[]}', "has the key 'testResults' twice in one object"),
            ('{"testResults":[{"name":"a","name":"b"}]}', "has the key 'name' twice in one object"),
            ('{"testResults":' + "[" * 1000 + "]" * 1000 + "}", "is nested deeper than 100 levels"),
            ('{"testResults":[' + "9" * 1000 + "]}", "is no JSON: '" + "9" * 64 + "'…"),
        ],
    )  # fmt: skip
    def test_problems(self, text: str, problem: str) -> None:
        assert self.jest(text) == Report((), problem)

    @pytest.mark.parametrize(
        "text",
        [
            '{"testResults":[]}',
            'npm noise {\n\n{"testResults":[]} trailing noise\n',
            '{"deep":' + '{"a":[' * 1000 + "]}" * 1000 + ',"testResults":[]}',
            '{"a":1,"a":"{[\\"","b":-1.5e9,"c":true,"d":null,"testResults":[{},[],1,"x",null]}',
            '\ufeff{"testResults":{"name":"a"}}',
            '{"testResults":[]}\n{"testResults":[{"name":7,"assertionResults":{}}]}',
        ],
    )
    def test_what_is_not_asked_for_is_passed_over(self, text: str) -> None:
        assert self.jest(text) == Report(())

    @pytest.mark.parametrize(
        ("test", "status", "name", "message"),
        [
            ('{"status":"passed","title":"a\\u0000\\ud83d\\ude00\\ud800"}', Status.PASSED, "f > a�😀�", ""),
            ('{"status":"splendid","title":"a"}', Status.ERROR, "f > a", "has the unknown status 'splendid'"),
            ('{"status":7,"title":["a"]}', Status.ERROR, "f", "has the unknown status ''"),
            ('{"status":"failed","title":"a","failureMessages":["' + "\\u00e9" * 5000 + '"]}', Status.FAILED, "f > a", "é" * 499 + "…"),
            ('{"status":"passed","title":"a","duration":1e999}', Status.PASSED, "f > a", ""),
            ('{"status":"passed","title":"a","duration":-5}', Status.PASSED, "f > a", ""),
        ],
    )  # fmt: skip
    def test_values(self, test: str, status: Status, name: str, message: str) -> None:
        (case,) = self.jest(self.file(test)).cases
        assert (case.status, case.name, case.message) == (status, name, message)
        assert case.seconds is None

    def test_two_reports_are_one(self) -> None:
        one = self.file('{"status":"passed","title":"a"}')
        assert [case.name for case in self.jest(f"{one}\n{one}").cases] == ["f > a", "f > a #2"]

    def test_an_event_of_go_with_a_key_twice(self) -> None:
        line = b'{"Action":"fail","Action":"pass","Package":"p","Test":"TestA"}\n'
        report = read_report(Format.GO_JSON, [line])
        assert report.problem == "has an event in which a key is there twice"

    @pytest.mark.parametrize(
        "line", [b"{" * 5000, b'{"a":' * 5000, b"[1]", b'{"Elapsed":' + b"9" * 5000]
    )
    def test_what_is_no_event_of_go(self, line: bytes) -> None:
        end = b'{"Action":"pass","Package":"p"}\n'
        assert read_report(Format.GO_JSON, [line, b"\n", end]) == Report(())
        assert read_report(Format.GO_JSON, [end, line]).problem == (
            "ends in the middle of an event" if line.startswith(b"{") else ""
        )
