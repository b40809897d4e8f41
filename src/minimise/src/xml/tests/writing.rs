//! The writer: what it writes reads the same, and nothing is declared that is not needed.

use super::*;

/// Writes what was seen, but for comments and processing instructions.
pub(super) fn write(seen: &[Seen]) -> Vec<u8> {
    let mut known = Reader::new(&Limits::default());
    let mut writer = Writer::new();
    for event in seen {
        match event {
            Seen::Start { name, attributes } => {
                writer.start(borrowed(name, &mut known));
                for (name, value) in attributes {
                    writer.attribute(borrowed(name, &mut known), value);
                }
            }
            Seen::End => writer.end(),
            Seen::Text(text) => writer.text(text),
            Seen::Comment(_) | Seen::Instruction(..) => {}
        }
    }
    writer.into_written()
}

/// What is left of what was seen once it is written and read.
pub(super) fn kept(seen: Vec<Seen>) -> Vec<Seen> {
    let mut kept: Vec<Seen> = Vec::new();
    for event in seen {
        match (event, kept.last_mut()) {
            (Seen::Comment(_) | Seen::Instruction(..), _) => {}
            (Seen::Text(more), Some(Seen::Text(text))) => text.push_str(&more),
            (event, _) => kept.push(event),
        }
    }
    kept
}

fn borrowed<'a>([uri, prefix, local]: &'a [String; 3], known: &mut Reader) -> Name<'a> {
    Name { namespace: known.know(uri).unwrap(), uri, prefix, local }
}

fn rewritten(document: &str) -> String {
    String::from_utf8(write(&read(document).unwrap())).unwrap()
}

#[test]
fn there_is_one_form_of_everything() {
    for (read, written) in [
        ("<a ></a >", "<a/>"),
        ("<?xml version='1.0'?>\n<!-- c --><a\nb = '&#x27;\"' ><?p?><b/></a>\n", "<a b=\"'&quot;\"><b/></a>"),
        ("<a>&#60;&gt;&amp;\"'<![CDATA[<&>]]>\r\n&#13;</a>", "<a>&lt;&gt;&amp;\"'&lt;&amp;&gt;\n&#xD;</a>"),
        ("<a b='&#9;&#10;&#13;&lt;&gt;&amp;'/>", "<a b=\"&#x9;&#xA;&#xD;&lt;&gt;&amp;\"/>"),
    ] {
        assert_eq!(rewritten(read), written);
    }
}

#[test]
fn namespaces_are_declared_where_they_are_needed_and_not_elsewhere() {
    for (read, written) in [
        ("<a xmlns='u' xmlns:p='v'><b/></a>", "<a xmlns=\"u\"><b/></a>"),
        (
            "<a xmlns:p='v'><p:b p:c=''/><p:b/></a>",
            "<a><p:b xmlns:p=\"v\" p:c=\"\"/><p:b xmlns:p=\"v\"/></a>",
        ),
        (
            "<a xmlns='u'><b xmlns=''><c xmlns='u'/></b></a>",
            "<a xmlns=\"u\"><b xmlns=\"\"><c xmlns=\"u\"/></b></a>",
        ),
        (
            "<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>",
            "<p:a xmlns:p=\"u\"><p:b xmlns:p=\"v\"/><p:c/></p:a>",
        ),
        ("<a xml:lang='et'/>", "<a xml:lang=\"et\"/>"),
        ("<a xmlns:p='&lt;' p:b=''/>", "<a xmlns:p=\"&lt;\" p:b=\"\"/>"),
    ] {
        assert_eq!(rewritten(read), written);
    }
}

#[test]
fn what_was_taken_back_leaves_no_trace() {
    let mut reader = Reader::new(&Limits::default());
    let namespace = reader.know("u").unwrap();
    let name = |local| Name { namespace, uri: "u", prefix: "p", local };
    let plain = |local| Name { namespace: NamespaceId::NONE, uri: "", prefix: "", local };
    let mut writer = Writer::new();
    writer.start(plain("a"));
    let mark = writer.mark();
    writer.start(name("b"));
    writer.text("text");
    writer.start(name("c"));
    writer.rollback(mark);
    writer.start(name("d"));
    writer.end();
    let mark = writer.mark();
    writer.start(plain("e"));
    writer.end();
    writer.rollback(mark);
    writer.end();
    assert_eq!(writer.written(), b"<a><p:d xmlns:p=\"u\"/></a>");

    let mut writer = Writer::new();
    writer.start(plain("a"));
    let mark = writer.mark();
    writer.text("text");
    writer.rollback(mark);
    writer.end();
    assert_eq!(writer.written(), b"<a/>");
}

#[test]
fn a_prefix_that_only_a_value_uses_can_be_declared() {
    let mut writer = Writer::new();
    writer.start(Name { namespace: NamespaceId::NONE, uri: "", prefix: "", local: "a" });
    writer.declare("p", "u");
    writer.declare("p", "u");
    writer.end();
    assert_eq!(writer.into_written(), b"<a xmlns:p=\"u\"/>");
}
