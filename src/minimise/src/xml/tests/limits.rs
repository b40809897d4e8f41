//! Every limit holds, to the byte, and whatever the chunks.

use super::*;

fn outcome(document: &str, limits: &Limits) -> Result<(), Reason> {
    let whole = read_chunks([document.as_bytes()], limits).1;
    let in_bytes = read_chunks(document.as_bytes().chunks(1), limits).1;
    assert_eq!(whole, in_bytes, "{document}");
    whole.map_err(|malformed| malformed.reason)
}

/// `within` is read under `limits`, `beyond` is refused for `reason`.
#[track_caller]
fn divides(limits: Limits, within: &str, beyond: &str, reason: Reason) {
    assert_eq!(outcome(within, &limits), Ok(()), "{within}");
    assert_eq!(outcome(beyond, &limits), Err(reason), "{beyond}");
}

#[test]
fn what_is_within_a_limit_is_read_and_what_is_beyond_is_refused() {
    let free = Limits::default();
    divides(
        Limits { document_bytes_max: 10, ..free },
        "<a>bcd</a>",
        "<a>bcd</a>\n",
        Reason::DocumentTooLarge,
    );
    divides(Limits { elements_max: 2, ..free }, "<a><b/></a>", "<a><b/><b/></a>", Reason::TooManyElements);
    divides(Limits { depth_max: 2, ..free }, "<a><b/><b/></a>", "<a><b><c/></b></a>", Reason::TooDeep);
    divides(Limits { attributes_max: 1, ..free }, "<a b=''/>", "<a b='' c=''/>", Reason::TooManyAttributes);
    divides(Limits { name_bytes_max: 4, ..free }, "<abcd/>", "<abcde/>", Reason::NameTooLong);
    divides(
        Limits { attribute_bytes_max: 4, ..free },
        "<a b='1234'/>",
        "<a b='&lt;5'/>",
        Reason::AttributeTooLong,
    );
    divides(Limits { tag_bytes_max: 8, ..free }, "<a b=''></a>", "<a b='1'/>", Reason::TagTooLong);
    divides(Limits { tag_bytes_max: 8, ..free }, "<a></a    >", "<a></a     >", Reason::TagTooLong);
    divides(
        Limits { text_bytes_max: 3, ..free },
        "<a>1\r\n&lt;<b/>123</a>",
        "<a>1\r\n&lt;4</a>",
        Reason::TextTooLong,
    );
    divides(
        Limits { comment_bytes_max: 9, ..free },
        "<!--ab--><?p abc?><a/>",
        "<!--abc--><a/>",
        Reason::CommentTooLong,
    );
    divides(
        Limits { declarations_max: 1, ..free },
        "<a><b xmlns:p='u'/><b xmlns:q='u'/></a>",
        "<a xmlns:p='u'><b xmlns:q='u'/></a>",
        Reason::TooManyNamespaces,
    );
    divides(
        Limits { namespaces_max: 4, ..free },
        "<a xmlns='u'/>",
        "<a xmlns='u'><b xmlns='v'/></a>",
        Reason::TooManyNamespaces,
    );
}

#[test]
fn reading_is_linear_whatever_is_large() {
    let big = "x".repeat(200_000);
    let documents = [
        format!("<a b='{big}'/>"),
        format!("<!--{big}--><a/>"),
        format!("<a>{big}</a>"),
        "<a><![CDATA[]]></a>".replace("<![CDATA[]]>", &"<![CDATA[]]>".repeat(50_000)),
        format!("<a {}/>", (0..9_000).map(|n| format!("a{n}='' ")).collect::<String>()),
        format!("<a>{}", "<".repeat(100_000)),
        format!("<a>{}", "]".repeat(100_000)),
    ];
    let limits = Limits { attribute_bytes_max: 1 << 20, attributes_max: 10_000, ..Limits::default() };
    for document in documents {
        // Byte by byte, anything quadratic would take minutes.
        let whole = read_chunks([document.as_bytes()], &limits);
        assert_eq!(read_chunks(document.as_bytes().chunks(1), &limits), whole);
    }
}
