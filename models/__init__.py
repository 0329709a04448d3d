"""Models of agentspace's robot: kinematics, autoencoders of postures, extractors, attention, measures.

Run-time modules need NumPy only (the extractor also onnxruntime, loaded when it is opened). torch is imported by
the training command `python -m models.posture train`, and by Vision Transformers, when one is asked for.
"""
