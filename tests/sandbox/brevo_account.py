"""One Brevo account: contacts, attributes, lists and events, by Brevo's documented rules.

Pure: no sockets, no clock but for the dates Brevo itself would note. What Brevo accepts in
silence although the sender surely did not mean it is remembered in `violations`: tests fail on
those. What Brevo drops in silence (unknown attributes, values of the wrong type) is told per
request in `notes["ignored"]`.

Sources: https://developers.brevo.com/reference/create-contact, .../create-event,
.../create-batch-events, .../get-attributes, https://developers.brevo.com/docs/event-endpoints.
"""

import datetime
import json
import math
import re
import time

EVENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
PROPERTY_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
ATTRIBUTE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
PHONE = re.compile(r"(\+|00)?([1-9][0-9]{5,14})")
EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})")

PROPERTIES_MAX = 50 * 1024
BATCH_EVENTS_MAX = 200
BATCH_BODY_MAX = 512 * 1024
LIST_ADD_MAX = 150
CONTACTS_MAX = 200_000
EVENTS_MAX = 400_000
VIOLATIONS_MAX = 1000

PHONE_ATTRIBUTES = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")
# identifiers.<key> of an event, identifierType of a contact -> where the value is kept
IDENTIFIERS = {
    "contact_id": "id",
    "email_id": "email",
    "ext_id": "ext_id",
    "phone_id": "SMS",
    "whatsapp_id": "WHATSAPP",
    "landline_number_id": "LANDLINE_NUMBER",
}
CONTACT_MEMBERS = {
    "email", "ext_id", "attributes", "listIds", "updateEnabled", "emailBlacklisted",
    "smsBlacklisted", "smtpBlacklistSender", "forceMerge", "getId", "unlinkListIds"}
NEVER_SENT = ("emailBlacklisted", "smsBlacklisted", "forceMerge")
EVENT_MEMBERS = {
    "event_name", "event_date", "identifiers", "contact_properties", "event_properties", "object"}
ATTRIBUTE_TYPES = ("text", "date", "float", "boolean", "id", "category", "multiple-choice", "user")

DEFAULT_ATTRIBUTES = {
    "FIRSTNAME": "text", "LASTNAME": "text", "SMS": "text", "WHATSAPP": "text",
    "LANDLINE_NUMBER": "text", "EXT_ID": "text",
    "FLEX_IDENTITY": "text", "ACCOUNT_ID": "text", "VIP_TIER": "text",
    "PREFERRED_CHANNEL": "text", "LAST_SUPPORT_DATE": "date",
    "SUPPORT_TICKET_COUNT": "float", "AVG_WAIT_TIME": "float", "CSAT_SCORE": "float",
}
DEFAULT_LISTS = {32: "support_contacts", 33: "csat_respondents"}


class Refused(Exception):
    """An answer of Brevo's other than success."""

    def __init__(self, status, code, message, metadata=None):
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message}
        if metadata:
            self.body["metadata"] = metadata


def invalid(message, metadata=None, code="invalid_parameter"):
    return Refused(400, code, message, metadata)


def digits_of(phone):
    match = PHONE.fullmatch(phone) if isinstance(phone, str) else None
    if not match:
        raise invalid("Invalid phone number")
    return match.group(2)


def email_of(value):
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise invalid("email is not valid in body")
    return value.lower()


def has_null(value):
    if isinstance(value, dict):
        return any(has_null(item) for item in value.values())
    if isinstance(value, list):
        return any(has_null(item) for item in value)
    return value is None


class Account:
    def __init__(self):
        self.contacts = {}          # id -> contact
        self.number = 0             # of the latest contact: none is given twice
        self.owners = {}            # (kind, value) -> id, for everything unique across contacts
        self.attributes = dict(DEFAULT_ATTRIBUTES)
        self.lists = dict(DEFAULT_LISTS)
        self.events = []
        self.event_times = []       # of each, when it was taken
        self.late_s = 0             # until then GET /events does not show it
        self.violations = []

    # ---- contacts

    def create_contact(self, body):
        """POST /contacts: (status, body, notes)."""
        self._object(body)
        self._note_violations(body)
        attributes = self._attributes_of(body)
        identifiers = self._identifiers_of(body, attributes)
        if not identifiers:
            raise invalid("Either email, ext_id or SMS is mandatory", code="missing_parameter")
        if "EMAIL" in attributes:
            raise invalid("EMAIL is not allowed in attributes")
        self._check_lists(body.get("listIds", []))
        kind, value = next(iter(identifiers.items()))
        contact = self.contacts.get(self.owners.get((kind, value)))
        if contact and body.get("updateEnabled") is not True:
            raise invalid("Contact already exist", {"duplicate_identifiers": [kind]},
                          "duplicate_parameter")
        self._check_owners(identifiers, contact, "update" if contact else "create")
        created = contact is None
        if created:
            contact = self._new_contact()
        ignored = self._update(contact, identifiers, attributes, body.get("listIds", []))
        notes = {"contact_id": contact["id"], "ignored": ignored}
        return (201, {"id": contact["id"]}, notes) if created else (204, None, notes)

    def update_contact(self, identifier, kind, body):
        """PUT /contacts/{identifier}: never creates."""
        contact = self.find_contact(identifier, kind)
        self._object(body)
        self._note_violations(body)
        attributes = self._attributes_of(body)
        identifiers = self._identifiers_of(body, attributes)
        if "EMAIL" in attributes:
            identifiers["email"] = email_of(attributes.pop("EMAIL"))
        self._check_lists(body.get("listIds", []))
        self._check_owners(identifiers, contact, "update")
        ignored = self._update(contact, identifiers, attributes, body.get("listIds", []))
        gone = body.get("unlinkListIds", [])
        contact["listIds"] = [n for n in contact["listIds"] if n not in gone]
        return 204, None, {"contact_id": contact["id"], "ignored": ignored}

    def find_contact(self, identifier, kind=None):
        if kind is None:
            kind = "email_id" if "@" in identifier else "contact_id"
        if kind not in IDENTIFIERS:
            raise invalid("identifierType is not valid")
        where = IDENTIFIERS[kind]
        if where == "id":
            contact = self.contacts.get(int(identifier)) if identifier.isdigit() else None
        else:
            contact = self.contacts.get(self.owners.get((where, self._unique(where, identifier))))
        if contact is None:
            raise Refused(404, "document_not_found", "Contact does not exist")
        return contact

    def show_contact(self, contact):
        """GET: phones are digits only, and a contact without an email gets a synthetic one."""
        phone = contact["attributes"].get("SMS", contact["id"])
        return {
            "email": contact["email"] or f"{phone}@mailin-sms.com",
            "id": contact["id"],
            **({"ext_id": contact["ext_id"]} if contact["ext_id"] else {}),
            "emailBlacklisted": contact["emailBlacklisted"],
            "smsBlacklisted": contact["smsBlacklisted"],
            "createdAt": contact["createdAt"],
            "modifiedAt": contact["modifiedAt"],
            "listIds": contact["listIds"],
            "listUnsubscribed": [],
            "attributes": contact["attributes"],
            "statistics": {},
        }

    def _new_contact(self):
        if len(self.contacts) >= CONTACTS_MAX:
            raise Refused(500, "bad_request", "the sandbox is full")
        now = timestamp()
        self.number += 1
        contact = {
            "id": self.number, "email": None, "ext_id": None, "attributes": {},
            "listIds": [], "createdAt": now, "modifiedAt": now,
            "emailBlacklisted": False, "smsBlacklisted": False}
        self.contacts[contact["id"]] = contact
        return contact

    def _update(self, contact, identifiers, attributes, lists):
        ignored = self._store_attributes(contact, attributes)
        for kind, value in identifiers.items():
            if kind in ("email", "ext_id"):
                self.owners.pop((kind, contact[kind]), None)
                contact[kind] = value
            self.owners[(kind, value)] = contact["id"]
        for number in lists:
            if number not in contact["listIds"]:
                contact["listIds"].append(number)
        contact["modifiedAt"] = timestamp()
        return ignored

    def _store_attributes(self, contact, attributes):
        ignored = []
        for name, value in attributes.items():
            if not self._fits(name, value):
                ignored.append(name)
            elif name in PHONE_ATTRIBUTES:
                self.owners.pop((name, contact["attributes"].get(name)), None)
                contact["attributes"][name] = digits_of(value)
                self.owners[(name, digits_of(value))] = contact["id"]
            else:
                contact["attributes"][name] = value
        return ignored

    def _fits(self, name, value):
        kind = self.attributes.get(name)
        if kind == "float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind == "boolean":
            return isinstance(value, bool)
        if kind == "date":
            return isinstance(value, str) and DATE.fullmatch(value) is not None
        if kind == "multiple-choice":
            return isinstance(value, list)
        return kind is not None and isinstance(value, str)

    def _attributes_of(self, body):
        attributes = body.get("attributes", {})
        if not isinstance(attributes, dict) or has_null(attributes):
            raise invalid("attributes is not valid")
        return dict(attributes)

    def _identifiers_of(self, body, attributes):
        """What identifies the contact, best first: Brevo's order for conflicting ones."""
        found = {}
        for kind in ("email", "ext_id"):
            if kind in body:
                found[kind] = self._unique(kind, body[kind])
        for name in PHONE_ATTRIBUTES:
            if name in attributes:
                found[name] = digits_of(attributes[name])
        return found

    @staticmethod
    def _unique(kind, value):
        if kind == "email":
            return email_of(value)
        if kind == "ext_id":
            if not isinstance(value, str) or not value:
                raise invalid("ext_id is not valid")
            return value
        return digits_of(value)

    def _check_owners(self, identifiers, contact, verb):
        own = contact["id"] if contact else None
        taken = [k for k, v in identifiers.items() if self.owners.get((k, v), own) != own]
        if taken:
            names = " or ".join(name.upper() if name == "ext_id" else name for name in taken)
            raise invalid(
                f"Unable to {verb} contact, {names} {'is' if len(taken) == 1 else 'are'} already "
                "associated with another Contact", {"duplicate_identifiers": taken},
                "duplicate_parameter")

    def _check_lists(self, numbers):
        if not isinstance(numbers, list) or any(type(n) is not int for n in numbers):
            raise invalid("listIds should be type array of integers")
        if any(number not in self.lists for number in numbers):
            raise invalid("List ID does not exist")

    def _note_violations(self, body):
        for name in NEVER_SENT:
            if name in body:
                self.violation(f"{name} was sent: it changes or deletes what people chose")
        for name in sorted(set(body) - CONTACT_MEMBERS):
            self.violation(f"POST /contacts has no member {name}")

    # ---- events

    def create_event(self, body):
        """POST /events: (status, body, notes)."""
        self._check_event(body)
        return 204, None, self._store_event(body)

    def create_events(self, raw, body):
        """POST /events/batch: each event is judged on its own."""
        if len(raw) > BATCH_BODY_MAX:
            raise invalid("request body exceeds 512 KB")
        events = body.get("events") if isinstance(body, dict) else None
        if not isinstance(events, list) or not events:
            raise invalid("events should be a non-empty array")
        if len(events) > BATCH_EVENTS_MAX:
            raise invalid(f"at most {BATCH_EVENTS_MAX} events are allowed")
        failed, good = {}, []
        for index, event in enumerate(events):
            try:
                self._check_event(event)
                self._check_batched(event)
                good.append(event)
            except Refused as refused:
                failed.setdefault(refused.body["message"], []).append(index)
        for event in good:
            self._store_event(event)
        notes = {"accepted": len(good)}
        if not failed:
            return 202, {"message": "events queued", "count": len(good)}, notes
        return (207 if good else 400), {
            "status": "partiallyQueued" if good else "failed",
            "total_events": len(events),
            "successful_events": len(good),
            "failed_events": len(events) - len(good),
            "errors": [{"eventIndex": where, "message": text} for text, where in failed.items()],
        }, notes

    def list_events(self, query):
        """GET /events. `query` has a list for each name: some may be given more than once."""
        def last(name, default=None):
            return query[name][-1] if name in query else default

        if ("startDate" in query) != ("endDate" in query):
            raise invalid("startDate and endDate go together")
        begin = moment_of(last("startDate")) if "startDate" in query else six_months_ago()
        end = moment_of(last("endDate"), is_end=True) if "endDate" in query else math.inf
        if begin > end:
            raise invalid("startDate is after endDate")
        limit, offset = int(last("limit", 100)), int(last("offset", 0))
        if not 1 <= limit <= 10000 or offset < 0:
            raise invalid("limit or offset is out of range", code="out_of_range")
        shown = time.time() - self.late_s
        contacts = {int(number) for number in query.get("contact_id", [])}
        names = set(query.get("event_name", []))
        found = [
            event for event, taken in zip(self.events, self.event_times)
            if (not contacts or event["contact_id"] in contacts)
            and (not names or event["event_name"] in names)
            and begin <= moment_of(event["event_date"]) <= end
            and taken <= shown]
        found.sort(key=lambda event: moment_of(event["event_date"]), reverse=True)
        return 200, {"events": found[offset:offset + limit], "count": len(found)}, {}

    def _check_event(self, body):
        self._object(body)
        unknown = sorted(set(body) - EVENT_MEMBERS)
        if unknown:
            raise invalid("unknown member " + unknown[0])
        name = body.get("event_name")
        if not name:
            raise invalid("undefined event_name")
        if not isinstance(name, str) or not EVENT_NAME.fullmatch(name):
            raise invalid("event_name is not valid")
        self._check_identifiers(body.get("identifiers"))
        date = body.get("event_date")
        if date is not None and not is_date_time(date):
            raise invalid("event_date is not valid")
        if has_null(body):
            raise invalid("null is not a value")
        self._check_properties(body.get("event_properties", {}), PROPERTY_KEY, (dict, list))
        self._check_properties(body.get("contact_properties", {}), ATTRIBUTE_NAME, ())

    @staticmethod
    def _check_batched(event):
        """In a batch, the schema has texts and whole numbers here, and nothing else."""
        for name, value in event.get("contact_properties", {}).items():
            if type(value) not in (str, int):
                raise invalid(f"contact_properties.{name} is not valid")

    @staticmethod
    def _check_identifiers(identifiers):
        if not isinstance(identifiers, dict) or not identifiers:
            raise invalid("Please pass at least one identifier or contact id")
        for kind, value in identifiers.items():
            if kind not in IDENTIFIERS:
                raise invalid(f"identifiers.{kind} is not an identifier")
            if kind == "contact_id":
                if type(value) is not int or value < 1:
                    raise invalid("contact_id is not valid")
            else:
                Account._unique(IDENTIFIERS[kind], value)

    @staticmethod
    def _check_properties(properties, key, more):
        if not isinstance(properties, dict):
            raise invalid("properties should be an object")
        for name, value in properties.items():
            if not key.fullmatch(name):
                raise invalid(f"property name is not valid: {name[:40]}")
            if not isinstance(value, (str, int, float, bool) + more):
                raise invalid(f"property {name} is not valid")
        if len(json.dumps(properties, ensure_ascii=False).encode()) > PROPERTIES_MAX:
            raise invalid("properties exceed 50 KB")

    def _store_event(self, body):
        if len(self.events) >= EVENTS_MAX:
            raise Refused(500, "bad_request", "the sandbox is full")
        contact = self._contact_of(body["identifiers"])
        ignored = []
        if contact is None:
            self.violation(f"{body['event_name']} was sent before its contact was created")
        else:
            properties = body.get("contact_properties", {})
            ignored = self._store_attributes(contact, properties)
        self.event_times.append(time.time())
        self.events.append({
            "contact_id": contact["id"] if contact else None,
            "event_name": body["event_name"],
            "event_date": body.get("event_date", timestamp()),
            "event_properties": body.get("event_properties", {}),
            "contact_properties": body.get("contact_properties", {}),
        })
        return {"contact_id": contact["id"] if contact else None, "ignored": ignored}

    def _contact_of(self, identifiers):
        for kind, where in IDENTIFIERS.items():     # contact_id wins, as documented
            if kind not in identifiers:
                continue
            if where == "id":
                return self.contacts.get(identifiers[kind])
            owner = self.owners.get((where, self._unique(where, identifiers[kind])))
            if owner:
                return self.contacts[owner]
        return None

    # ---- attributes and lists

    def list_attributes(self):
        return 200, {"attributes": [
            {"name": name, "category": "normal", "type": kind}
            for name, kind in self.attributes.items()]}, {}

    def create_attribute(self, category, name, body):
        self._object(body)
        if category not in ("normal", "transactional", "category", "calculated", "global"):
            raise invalid("attribute category is not valid")
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise invalid("attribute name is not valid")
        if category == "normal" and body.get("type") not in ATTRIBUTE_TYPES:
            raise invalid("attribute type is not valid")
        if name in self.attributes:
            raise invalid("Attribute name already exists")
        self.attributes[name] = body.get("type", "text")
        return 201, None, {}

    def show_lists(self, query):
        limit, offset = int(query.get("limit", 10)), int(query.get("offset", 0))
        if not 1 <= limit <= 50 or offset < 0:
            raise invalid("limit or offset is out of range", code="out_of_range")
        lists = [self._list(number) for number in self.lists]
        return 200, {"count": len(lists), "lists": lists[offset:offset + limit]}, {}

    def show_list(self, number):
        if number not in self.lists:
            raise Refused(404, "document_not_found", "List ID does not exist")
        return 200, self._list(number), {}

    def _list(self, number):
        members = [contact["listIds"] for contact in self.contacts.values()]
        return {"id": number, "name": self.lists[number], "folderId": 1,
                "uniqueSubscribers": sum(number in lists for lists in members)}

    def create_list(self, body):
        self._object(body)
        if not isinstance(body.get("name"), str) or type(body.get("folderId")) is not int:
            raise invalid("name and folderId are mandatory", code="missing_parameter")
        number = max(self.lists) + 1
        self.lists[number] = body["name"]
        return 201, {"id": number}, {}

    def add_to_list(self, number, body):
        self._object(body)
        if number not in self.lists:
            raise Refused(404, "document_not_found", "List ID does not exist")
        kinds = {"emails": "email_id", "ids": "contact_id", "extIds": "ext_id"}
        if len(body) != 1 or next(iter(body)) not in kinds:
            raise invalid("pass one of emails, ids, extIds")
        member, items = next(iter(body.items()))
        if not isinstance(items, list) or not 1 <= len(items) <= LIST_ADD_MAX:
            raise invalid(f"1 to {LIST_ADD_MAX} contacts are allowed")
        success, failure = [], []
        for item in items:
            added = self._join_list(number, str(item), kinds[member])
            (success if added else failure).append(item)
        if not success:
            raise invalid("Contact already in list and/or does not exist")
        return 201, {"contacts": {"success": success, "failure": failure}}, {}

    def _join_list(self, number, identifier, kind):
        try:
            contact = self.find_contact(identifier, kind)
        except Refused:
            return False
        if number in contact["listIds"]:
            return False
        contact["listIds"].append(number)
        return True

    # ---- small things

    def violation(self, text):
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(text)

    @staticmethod
    def _object(body):
        if not isinstance(body, dict):
            raise invalid("the body should be an object", code="bad_request")


def is_date_time(text):
    if not isinstance(text, str) or not DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def moment_of(text, is_end=False):
    """Seconds since 1970 of a date or a date with time; of a day's begin, or its end."""
    if DATE.fullmatch(text):
        text += "T23:59:59.999999Z" if is_end else "T00:00:00Z"
    if not is_date_time(text):
        raise invalid("a date is not valid")
    return datetime.datetime.fromisoformat(text).timestamp()


def six_months_ago():
    return time.time() - 182 * 24 * 3600


def timestamp():
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
