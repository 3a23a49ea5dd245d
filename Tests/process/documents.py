"""Makes documents with nothing but the standard library, and uploads them."""

import hashlib
import http.client
import io
import json
import secrets
import sqlite3
import time
import uuid
import zipfile

from parley_process import Client, Reader

BOUNDARY = "parley-test-boundary"


def form(files, **fields):
    """A multipart body: `files` are pairs of a name and bytes."""
    parts = []
    for name, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    for name, value in fields.items():
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def pdf(pages):
    """A PDF with one line of text after another on each page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", None, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = " T* ".join(f"({line}) Tj" for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 50 750 Td {shown} ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    body += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return body + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()


TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
    ' Target="word/document.xml"/></Relationships>'
)


def docx(paragraphs, padding=0):
    """A DOCX; with `padding` so many bytes of spaces that pack to nearly nothing."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    start = (
        '<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{body}"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONS)
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            part.write(start.encode())
            block = b" " * (1 << 20)
            for _ in range(padding >> 20):
                part.write(block)
            part.write(b"</w:body></w:document>")
    return packed.getvalue()


class Reading(Client):
    """A client that uploads, waits and asks."""

    def upload(self, files, expect=202, **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Cookie": self.cookie}
            connection.request("POST", "/api/documents", form(files, **fields), headers)
            response = connection.getresponse()
            body = json.loads(response.read())
            assert response.status == expect, body
            return body
        finally:
            connection.close()

    def document(self, id):
        return self.request("GET", f"/api/documents/{id}")[1]["document"]

    def settled(self, id, patience=60.0):
        """The document once it is ready or failed."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            document = self.document(id)
            if document["state"] in ("ready", "failed"):
                return document
            time.sleep(0.05)
        raise AssertionError(f"still {document}")

    def add(self, name, content, **fields):
        """Uploads one file and waits until it is ready."""
        document = self.settled(self.upload([(name, content)], **fields)["document"]["id"])
        assert document["state"] == "ready", document
        return document

    def found(self, query, **parameters):
        words = http.client.urllib.parse.urlencode({"q": query, **parameters}, doseq=True)
        status, body = self.request("GET", f"/api/search?{words}")
        assert status == 200, body
        return body

    def ask(self, question, **members):
        """The sources and the whole text of an answer."""
        turn = self.send(self.conversation(), question, **members)
        reader = Sources(self, turn["id"])
        while not reader.finished:
            reader.read()
        assert reader.finished["type"] == "completed", reader.finished
        return reader


class Sources(Reader):
    """A reader that keeps the sources of the last attempt."""

    def __init__(self, client, turn):
        super().__init__(client, turn)
        self.sources = []

    def apply(self, event):
        if event["type"] == "sources":
            self.sources = event["passages"]
        super().apply(event)


class Known(Reading):
    """A user who is put into the database past the door."""

    def __init__(self, port, database, name):
        self.port = port
        self.id = uuid.uuid4()
        secret = secrets.token_urlsafe(32)
        self.cookie = f"parley_session={secret}"
        now = int(time.time() * 1000)
        with sqlite3.connect(database, timeout=10) as rows:
            rows.execute(
                "INSERT INTO users (id, name, email, role, created) VALUES (?, ?, ?, 'member', ?)",
                (self.id.bytes, name, f"{name}@example.org", now),
            )
            rows.execute(
                "INSERT INTO sessions (id_hash, user, created, last_seen, expires) VALUES (?, ?, ?, ?, ?)",
                (hashlib.sha256(secret.encode()).digest(), self.id.bytes, now, now, now + 3_600_000),
            )
        rows.close()
