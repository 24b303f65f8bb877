"""read_cloudevents - reads CloudEvents with the SDK of those who made the format.

usage: read_cloudevents.py <one-a-line      with the Python of build/api-venv

Prints each as the SDK has it: its attributes and its data. Ends with 1 at the first that is none.

SPDX-License-Identifier: MPL-2.0
"""

import json
import sys

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

for line in sys.stdin:
    event = JSONFormat().read(CloudEvent, line)
    print(json.dumps({"attributes": {name: str(value) for name, value
                                     in event.get_attributes().items()},
                      "data": event.get_data()}))
